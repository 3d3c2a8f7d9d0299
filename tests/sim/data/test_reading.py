"""The border: whatever is in a file, reading it gives data or one sentence."""

import os
import random
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.data import frames
from sim.data.arrays import load_arrays
from sim.data.reading import reading
from sim.data.table_file import read_table, read_training_table
from sim.experiment import memory
from sim.experiment.errors import ConfigError
from sim.experiment.problem import ModelConfig
from tests.sim.data.files import (
    SMALL_PARQUET,
    archive,
    changed,
    declaring,
    npy,
    npy_header,
    with_flag,
    zipped,
)

X, Y = np.arange(12.0).reshape(6, 2), np.arange(6) % 3
GOOD = {
    "csv": pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y}).write_csv().encode(),
    "npz": archive(X=X, y=Y),
    "npy": npy(X),
    "parquet": SMALL_PARQUET,
}


def read_for_a_model(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        (path.parent / "y.npy").write_bytes(npy(Y))
        arrays = load_arrays(ModelConfig(data=f"{path},{path.parent / 'y.npy'}"))
    else:
        arrays = load_arrays(ModelConfig(data=str(path), target=None if path.suffix == ".npz" else "y"))
    assert arrays is not None
    return arrays.inputs


def read_for_two_parameters(path: Path) -> np.ndarray:
    feature = {".npz": "X0", ".parquet": "x"}.get(path.suffix, "a")
    return read_table(str(path), (feature,), "y", width=1, classes=False).inputs


READERS = {"model": read_for_a_model, "two parameters": read_for_two_parameters}


@pytest.fixture(params=READERS)
def read(request: pytest.FixtureRequest) -> Callable[[Path], np.ndarray]:
    return READERS[request.param]


def refusal(read: Callable[[Path], np.ndarray], path: Path) -> str:
    """The sentence."""
    with pytest.raises(ConfigError) as caught:
        read(path)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 500
    return sentence


# -- what is no readable file -----------------------------------------------------------------------------------------


def test_a_path_that_is_too_long_is_cut(read: Callable[[Path], np.ndarray]) -> None:
    sentence = refusal(read, Path("x" * 5000 + ".csv"))
    assert re.match(r"x+…x+\.csv cannot be read: File name too long", sentence)


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet", "mine.npz"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, read: Callable[[Path], np.ndarray], name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert f"{name} is a pipe or a device; name a regular file with --data" in refusal(read, tmp_path / name)


def test_a_loop_of_links_is_reported(tmp_path: Path, read: Callable[[Path], np.ndarray]) -> None:
    (tmp_path / "a.csv").symlink_to(tmp_path / "b.csv")
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    assert "Too many levels of symbolic links" in refusal(read, tmp_path / "a.csv")


@contextmanager
def nobody() -> Iterator[None]:
    """Without root's leave to read everything."""
    before = os.geteuid()
    os.seteuid(65534 if before == 0 else before)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
@pytest.mark.parametrize("locked", ["file", "folder"])
def test_a_lack_of_permission_is_reported(
    tmp_path: Path, read: Callable[[Path], np.ndarray], kind: str, locked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(f"mine.{kind}")
    path.write_bytes(GOOD[kind])
    path.chmod(0)
    tmp_path.chmod(0 if locked == "folder" else 0o711)
    with nobody():
        sentence = refusal(read, path)
    tmp_path.chmod(0o700)
    assert sentence.startswith(f"mine.{kind} cannot be read: Permission denied")


def test_a_name_that_could_steer_the_terminal_is_made_visible(
    tmp_path: Path, read: Callable[[Path], np.ndarray]
) -> None:
    path = tmp_path / "\x1b[2J.csv"
    path.write_text("nothing here\n1\n")
    assert r"\x1b[2J.csv" in refusal(read, path)


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take no such names")
@pytest.mark.parametrize("kind", GOOD)
def test_a_name_that_is_not_utf8_is_read_like_any_other(
    tmp_path: Path, read: Callable[[Path], np.ndarray], kind: str
) -> None:
    if kind == "npy" and read is read_for_two_parameters:
        return  # which take none
    path, usual = tmp_path / os.fsdecode(b"m\xffne [1] *." + kind.encode()), tmp_path / f"mine.{kind}"
    for file in (path, usual):
        file.write_bytes(GOOD[kind])
    np.testing.assert_array_equal(read(path), read(usual))


# -- what is broken ---------------------------------------------------------------------------------------------------

BROKEN = {
    "truncated": (GOOD["npz"][:-30], "npz", "File is not a zip file"),
    "encrypted": (with_flag(GOOD["npz"], encrypted=True), "npz", "is encrypted"),
    "oddly compressed": (with_flag(GOOD["npz"], method=99), "npz", "compression method is not supported"),
    "flipped": (changed(GOOD["npz"], {200: 255}), "npz", "Bad CRC-32"),
    "no array": (zipped(X=b"nothing", y=npy(Y)), "npz", "cannot be read as an NPZ file"),
    "nested": (zipped(X=npy_header("(" * 9000), y=npy(Y)), "npz", "cannot be read as an NPZ file"),
    "pickled": (archive(X=np.array([[{}], [{}]]), y=Y), "npz", "Object arrays cannot be loaded"),
    "structured": (archive(X=X, y=np.zeros(6, "i4,f8")), "npz", "y"),
    "no npy": (b"\x93NUMPY\x09\x00no more", "npy", "cannot be read as an NPY file"),
    "an npz": (GOOD["npz"], "npy", "cannot be read as an NPY file"),
    "negative": (declaring(-6, 2), "npy", "cannot be read as an NPY file"),
    "too short": (declaring(6, 2), "npy", "cannot be read as an NPY file"),
    "of no type": (declaring(6, 2, descr="zebra"), "npy", "cannot be read as an NPY file"),
    "panicking": (changed(SMALL_PARQUET, {124: 13}), "parquet", "cannot be read as a Parquet file"),
    "aborting": (changed(SMALL_PARQUET, {109: 49}), "parquet", "cannot be read as a Parquet file"),
    "not encoded": (b"a,y\n\xff,1\n2,3\n", "csv", "cannot be read as a table of text"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_a_sentence(
    tmp_path: Path, read: Callable[[Path], np.ndarray], case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content, kind, words = BROKEN[case]
    if kind == "npy" and read is read_for_two_parameters:
        words = "of no known kind"
    (tmp_path / f"mine.{kind}").write_bytes(content)
    assert words in refusal(read, tmp_path / f"mine.{kind}")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (pl.exceptions.PanicException("called `unwrap()`"), "cannot be read as a riddle: it is damaged"),
        (MemoryError(), "needs more memory than there is"),
        (RecursionError(), "cannot be read as a riddle: RecursionError"),
        (OSError(5, "Input/output error"), r"mine\.csv cannot be read: Input/output error\."),
        (UserWarning("old"), "cannot be read as a riddle: old"),
    ],
)
def test_whatever_is_raised_becomes_a_sentence(tmp_path: Path, error: BaseException, words: str) -> None:
    (tmp_path / "mine.csv").write_text("x")
    with pytest.raises(ConfigError, match=words), reading(tmp_path / "mine.csv", "a riddle"):
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, pytest.fail.Exception])
def test_who_stops_the_reading_does_so(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "mine.csv").write_text("x")
    with pytest.raises(error), reading(tmp_path / "mine.csv", "a riddle"):
        raise error


def test_a_field_of_megabytes_is_cut(tmp_path: Path, read: Callable[[Path], np.ndarray]) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"a,y\n1,2\n{'long' * 500_000},3\n")
    assert re.match(r"'long\w+…\w+' in row 2 .* of column 'a' is no number", refusal(read, path))
    path.write_text(f"a,y\n1,2\n{'long' * 500_000},3,4\n5,6\n")
    assert "cannot be read as a table of text" in refusal(read, path)


@pytest.mark.parametrize(("features", "target"), [((), None), ((), "y"), (("column 1",), "z"), ((), "column 19")])
def test_of_many_columns_ten_are_named(tmp_path: Path, features: tuple[str, ...], target: str | None) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(",".join(f"column {number}" for number in range(1200)) + f"\n{'1,' * 1199}2\n" * 2)
    with pytest.raises(ConfigError, match=r"column 0, .*, column 9 … and 1,1\d\d more"):
        read_table(str(path), features, target, width=1, classes=False)


ODD = {
    r"List\(Int64\)": [[1, 2], [3], [4]],
    "Binary": [b"\xff", b"a", b"b"],
    "Duration": pl.Series([1, 2, 3]).cast(pl.Duration),
    "Date": pl.Series([1, 2, 3]).cast(pl.Date),
    r"Struct\(.*x1b": [{"\x1b[2J": 1}, {"\x1b[2J": 2}, {"\x1b[2J": 3}],
    "Null": [None, None, None],
}


@pytest.mark.parametrize("words", ODD)
def test_columns_of_other_types_are_refused(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"x": [1, 2, 3], "odd": ODD[words]})
    monkeypatch.setattr("sim.data.table_file.read_frame", lambda _path: frame)
    for features, target in ((("x",), "odd"), (("odd",), "x")):
        with pytest.raises(ConfigError, match=f"'odd' holds values of type {words}.*; it needs numbers") as caught:
            read_training_table("mine.parquet", features, target, "auto")
        assert str(caught.value).isprintable()


# -- what is too large ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mine.npz", zipped(X=declaring(10**9, 10**4), y=npy(Y))),
        ("mine.npz", zipped(X=declaring(10**30, 10**30), y=npy(Y))),
        ("mine.npz", zipped(X=npy(X), y=declaring(10**13, descr="|b1"))),
    ],
    ids=["inputs", "beyond any memory", "targets"],
)
def test_a_declared_size_is_held_against_the_memory(
    tmp_path: Path, read: Callable[[Path], np.ndarray], name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    words = rf"What is in .*{name} would take [\d,e+]+ GB of memory; there are [\d,]+ GB, so give a smaller file"
    assert re.match(words, refusal(read, tmp_path / name))


@pytest.mark.parametrize("kind", ["csv", "npz", "parquet"])
def test_a_files_size_is_held_against_the_memory(
    tmp_path: Path, read: Callable[[Path], np.ndarray], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"mine.{kind}"
    path.write_bytes(GOOD[kind])
    monkeypatch.setattr(memory, "available", lambda: 30)
    monkeypatch.setattr(frames, "available", lambda: 30)
    assert "of memory; there are 0 GB, so give a smaller file" in refusal(read, path)


def test_mapped_arrays_may_be_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = np.zeros((6, 20))
    for name, array in (("X", inputs), ("y", Y), ("swapped", inputs.astype(">f8"))):
        np.save(tmp_path / f"{name}.npy", array)
    monkeypatch.setattr(memory, "available", lambda: Y.nbytes)
    files = f"{tmp_path / 'X.npy'},{tmp_path / 'y.npy'}"
    assert load_arrays(ModelConfig(data=files)) is not None
    for config in (ModelConfig(data=files, scale="standard"), ModelConfig(data=files.replace("X", "swapped"))):
        with pytest.raises(ConfigError, match="would take 0 GB of memory"):
            load_arrays(config)


# -- whatever else ----------------------------------------------------------------------------------------------------


def _damage(content: bytes, chance: random.Random) -> bytes:
    """The same with a few bytes changed, left out or put in."""
    copied = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4])):
        position = chance.randrange(len(copied))
        match chance.randrange(6):
            case 0:
                del copied[position + 1 :]
            case 1:
                copied[position:position] = chance.randbytes(8)
            case _:
                copied[position] = chance.randrange(256)
    return bytes(copied)


@pytest.mark.parametrize(("kind", "examples"), [("csv", 80), ("npz", 80), ("npy", 80), ("parquet", 3)])
def test_damage_gives_data_or_a_sentence(
    tmp_path: Path, read: Callable[[Path], np.ndarray], kind: str, examples: int
) -> None:
    @settings(max_examples=examples, suppress_health_check=[*HealthCheck])
    @given(st.randoms(use_true_random=False))
    def attempt(chance: random.Random) -> None:
        path = tmp_path / f"mine.{kind}"
        path.write_bytes(_damage(GOOD[kind], chance))
        sentence = ""
        try:
            read(path)
        except ConfigError as error:
            sentence = str(error)
        assert sentence.isprintable()
        assert len(sentence) < 1000

    attempt()
