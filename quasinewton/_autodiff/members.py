"""Access to the members of active numbers while code is written."""

from llvmlite import ir


class Members:
    """The members of an active number, readable and assignable by name.

    They stay LLVM values. Numba's proxies of structures keep them in memory, with ten times as many
    instructions, which LLVM removes only after they have been written, parsed and optimised.

    Parameters
    ----------
    context, builder
        Target context and IR builder of Numba's lowering.
    kind : Active
    value : llvmlite value, optional
        If it is not given, all members must be assigned.
    """

    def __init__(self, context, builder, kind, value=None):
        model = context.data_model_manager[kind]
        whole = ir.Constant(model.get_value_type(), ir.Undefined) if value is None else value
        places = {name: place for place, name in enumerate(model._fields)}
        vars(self).update(_builder=builder, _places=places, _whole=whole)

    def __getattr__(self, name):
        whole, place = self._whole, self._places[name]
        while isinstance(whole, ir.instructions.InsertValue):  # the number has just been made
            if whole.indices == [place]:
                return whole.operands[1]
            whole = whole.operands[0]
        return self._builder.extract_value(whole, place)

    def __setattr__(self, name, member):
        vars(self)["_whole"] = self._builder.insert_value(self._whole, member, self._places[name])

    def _getvalue(self):
        """Return the number."""
        return self._whole
