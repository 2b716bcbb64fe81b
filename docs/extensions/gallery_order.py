"""The gallery: the order of its examples, and the style of its pictures."""

from pathlib import Path


class PicturesFirst:
    """Sort key of examples: those with pictures first, then by name.

    Parameters
    ----------
    directory : str
        Folder of the examples; not used.
    """

    FIRST = "plot_growth_curve.py"  # the example of the first page

    def __init__(self, directory):
        self.directory = directory

    def __call__(self, name):
        return name != self.FIRST, not name.startswith("plot_"), name

    def __repr__(self):
        return f"{type(self).__name__}({Path(self.directory).name})"


def plain_pictures(gallery_conf, fname):
    """Give every example matplotlib's defaults, with two spines instead of four."""
    from matplotlib import pyplot

    pyplot.rcdefaults()
    pyplot.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
