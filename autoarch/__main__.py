"""``python -m autoarch``: the command line."""

import sys

from autoarch.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
