"""``python -m mrbiomarkers``: the command line."""

import sys

from mrbiomarkers.cli import main

if __name__ == "__main__":
    sys.exit(main())
