"""Reads a Parquet file in a process of its own: `python parquet_probe.py FILE CELLS`.

A damaged file can abort the process that reads it, with no exception to catch. Prints how many cells the file has; with
no more than CELLS it reads them all. Where that fails with an error, prints what the error says and exits with 3.
"""

import sys
from pathlib import Path

import polars as pl

_REFUSED = 3


def main(path: str, most_cells: int) -> int:
    """Read it; the exit status."""
    try:
        with Path(path).open("rb") as file:
            table = pl.scan_parquet(file)
            cells = table.select(pl.len()).collect().item() * len(table.collect_schema())
            print(cells)
            if cells <= most_cells:
                table.collect()
    except Exception as error:
        print(str(error).partition("\n")[0] or type(error).__name__)
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
