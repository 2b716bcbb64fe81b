"""``python -m quasinewton``: compile ahead of use, and report what is installed and compiled."""

import sys

from quasinewton._api.command_line import main

if __name__ == "__main__":
    sys.exit(main())
