"""`python -m tui`: the same as the command `gdsim`."""

import sys

from tui.cli import main

sys.exit(main())
