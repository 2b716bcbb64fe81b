"""``python -m quasinewton``: compile ahead, and tell what is installed and compiled."""

import sys

from quasinewton.api.command_line import main

if __name__ == "__main__":
    sys.exit(main())
