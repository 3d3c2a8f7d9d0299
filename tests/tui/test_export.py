"""Exports read back by the standard library and by polars, and what stays when one fails."""

import csv
import json
import math
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sim.experiment.errors import ConfigError
from sim.protocol.answers import PlaneNews, Trail
from sim.protocol.trace import NO_ROWS, ROW, Rows, Status
from tests.tui.rights import as_anybody
from tui.export import SEEN, ExportError, check, write, write_pieces, write_seeds
from tui.session.trails import PlaneTrails

HEADER = "run,update,examples,epoch,seconds,x,y,batch_loss,loss,grad_norm,lr,status"
NAMES = ("batch", 'the "big" one')


def trace() -> Rows:
    """Two runs in lockstep: the starts, one update each, then the second run overflows."""
    nan = math.nan
    names = ("run", "status", "update", "examples", "epoch", "seconds", "batch_loss", "loss", "grad_norm", "lr")
    lines = [
        (0, Status.RUNNING, 0, 0, 0.0, 0.0, nan, 1.5, nan, nan),
        (1, Status.RUNNING, 0, 0, 0.0, 0.0, nan, 1.5, nan, nan),
        (0, Status.CONVERGED, 1, 4, 1.0, 0.25, 1.5, nan, 2.0, 0.5),
        (1, Status.DIVERGED, 1, 2, 0.5, 0.125, 1.25, math.inf, 3.0, 0.5),
    ]
    rows = np.zeros(len(lines), dtype=ROW)
    rows["test_loss"] = rows["test_accuracy"] = nan
    for name, column in zip(names, zip(*lines, strict=True), strict=True):
        rows[name] = column
    return rows


def trails() -> PlaneTrails:
    """Where the two runs were at updates 0 and 1."""
    points = [[[-1.0, 2.0], [0.1 + 0.2, 1e-7]], [[-1.0, 2.0], [1e22, -3.0]]]
    been = tuple(Trail(np.arange(2), np.array(run), np.zeros(2), (run[1][0], run[1][1]), 0.0) for run in points)
    return PlaneTrails(PlaneNews(0, "identity", "the two parameters", 1.0, False, been))


def test_csv_has_the_stated_columns_and_leaves_empty_what_was_not_evaluated(tmp_path: Path) -> None:
    path = tmp_path / "race.csv"
    write(trace(), NAMES, path, trails())
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert path.read_text().splitlines()[0] == HEADER
    assert [(row["run"], row["update"]) for row in rows] == [(name, u) for name in NAMES for u in ("0", "1")]
    assert (rows[0]["x"], rows[0]["loss"]) == ("-1.0", "1.5")
    assert rows[0]["batch_loss"] == rows[0]["grad_norm"] == rows[0]["lr"] == rows[1]["loss"] == ""
    assert float(rows[1]["x"]) == 0.1 + 0.2
    assert rows[3]["loss"] == "inf"
    assert [row["status"] for row in rows] == ["running", "converged", "running", "diverged"]


def test_json_lines_are_strict_json(tmp_path: Path) -> None:
    path = tmp_path / "race.jsonl"
    write(trace(), NAMES, path, trails())

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    rows = [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]
    assert [list(row) for row in rows] == [HEADER.split(",")] * 4
    assert rows[0]["lr"] is None
    words = {"run": "batch", "status": "converged"}
    numbers = {"update": 1, "examples": 4, "epoch": 1.0, "seconds": 0.25, "x": 0.1 + 0.2, "y": 1e-7, "batch_loss": 1.5}
    numbers |= {"loss": None, "grad_norm": 2.0, "lr": 0.5}
    assert rows[1] == words | numbers
    assert (rows[3]["run"], rows[3]["loss"], rows[3]["x"]) == ('the "big" one', "inf", 1e22)


def test_parquet_holds_the_same_values_as_csv(tmp_path: Path) -> None:
    for name in ("race.csv", "race.parquet"):
        write(trace(), NAMES, tmp_path / name, trails())
    frame = pl.read_parquet(tmp_path / "race.parquet")
    assert frame.equals(pl.read_csv(tmp_path / "race.csv", schema=frame.schema))
    assert frame["loss"].to_list() == [1.5, None, 1.5, math.inf]


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_no_rows_are_a_file_all_the_same(tmp_path: Path, extension: str) -> None:
    write(NO_ROWS, NAMES, tmp_path / f"none.{extension}", trails())
    assert [path.name for path in tmp_path.iterdir()] == [f"none.{extension}"]


def test_an_existing_file_is_replaced_and_a_link_is_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "old.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    check(link)
    assert target.read_text() == "old"
    write(trace(), NAMES, link, trails())
    assert link.is_symlink()
    assert target.read_text().startswith(HEADER)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("race.txt", "nown: .csv, .jsonl, .parquet"),
        ("race.cvs", "did you mean '.csv'"),
        ("race", "nown: .csv"),
        ("missing/race.csv", "No such file or directory"),
        ("taken.csv", "is a directory"),
        ("file/race.csv", "Not a directory"),
        ("x" * 300 + ".csv", "name too long"),
    ],
    ids=["other", "misspelled", "none", "no folder", "a folder", "in a file", "too long"],
)
def test_a_path_that_cannot_be_written_is_found_out_before(tmp_path: Path, name: str, part: str) -> None:
    (tmp_path / "taken.csv").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=part):
        check(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken.csv"]


def test_a_folder_without_permission_and_links_to_each_other(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(0)
    (tmp_path / "one.csv").symlink_to(tmp_path / "two.csv")
    (tmp_path / "two.csv").symlink_to(tmp_path / "one.csv")
    with as_anybody(), pytest.raises(ConfigError, match="Permission denied"):
        check(tmp_path / "locked" / "race.csv")
    with pytest.raises(ConfigError, match="Too many levels of symbolic links"):
        check(tmp_path / "one.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "race.csv"
    path.touch(0o444)
    with pytest.raises(ConfigError, match="read-only"):
        check(path)


@contextmanager
def _room_for(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_a_full_disk_leaves_the_old_file_and_no_part_of_the_new(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"race.{extension}"
    path.write_text("old")
    with _room_for(64), pytest.raises(ExportError, match="The rows were not saved"):
        write(trace(), NAMES, path, trails())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_seeds_are_asked_for_one_by_one_and_an_interrupt_on_the_way_leaves_the_old_file(
    tmp_path: Path, extension: str
) -> None:
    path, threads = tmp_path / f"race.{extension}", set()
    path.write_text("old")
    rows = np.zeros(3, SEEN)

    def seeds() -> Iterator[tuple[int, list[Rows]]]:
        for seed in range(5):
            threads.add(threading.current_thread())
            yield seed, [rows]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_seeds(seeds(), ["update"], NAMES, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    assert threads == {threading.current_thread()}, "where the engine is asked"


def test_two_exports_to_one_folder_at_a_time_may_be_of_processes_of_one_number(tmp_path: Path) -> None:
    """As those of two containers often are."""

    def pieces() -> Iterator[Rows]:
        yield np.zeros(3, SEEN)
        write_pieces(lambda: iter([np.zeros(6, SEEN)]), ["update"], NAMES, tmp_path / "other.csv")
        yield np.zeros(3, SEEN)

    assert write_pieces(pieces, ["update"], NAMES, tmp_path / "race.csv") == 6
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ("race.csv", "other.csv"), "update" + "\n0" * 6 + "\n"
    )


def test_only_a_regular_file_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "device.csv").symlink_to(os.devnull)
    for name in ("pipe.csv", "device.csv"):
        with pytest.raises(ConfigError, match="it is a device or a pipe; name a regular file"):
            check(tmp_path / name)
