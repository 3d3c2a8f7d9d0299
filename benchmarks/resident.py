"""How much memory a process takes."""

from pathlib import Path


def peak(process: str = "self") -> float:
    """The most memory that a process has had resident, in megabytes; "self" is this one."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
