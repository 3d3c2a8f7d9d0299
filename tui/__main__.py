"""The command `gdsim`, which `python -m tui` is, too."""

import sys

from sim.loading import loading


def main() -> int:
    """Carry out the process's command line and return the exit code; Ctrl-C has no traceback while modules load."""
    try:
        with loading():
            from tui.cli import main as carry_out
    except KeyboardInterrupt:
        return 130
    return carry_out()


if __name__ == "__main__":
    sys.exit(main())
