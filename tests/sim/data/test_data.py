import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import sklearn.datasets
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sim.data.table import load_bundled, scaled, standardised
from sim.data.table_file import read_table
from sim.experiment.errors import ConfigError

ORIGINALS: dict[str, Callable[[], object]] = {
    "diabetes": lambda: sklearn.datasets.load_diabetes(scaled=False),
    "breast_cancer": sklearn.datasets.load_breast_cancer,
    "digits": sklearn.datasets.load_digits,
    "wine": sklearn.datasets.load_wine,
    "iris": sklearn.datasets.load_iris,
}


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", ORIGINALS)
def test_bundled_data_are_those_of_scikit_learn(name: str) -> None:
    table, original = load_bundled(name), ORIGINALS[name]()
    np.testing.assert_array_equal(table.inputs, original.data)
    np.testing.assert_array_equal(table.targets, original.target)
    assert table.columns == tuple(original.feature_names)
    assert table.classes == tuple(map(str, getattr(original, "target_names", ())))
    assert table.task == ("regression" if name == "diabetes" else "classification")


def test_bundled_data_load_without_polars_and_torch() -> None:
    code = (
        "import sys, sim.data.table; sim.data.table.load_bundled('digits'); print({'polars', 'torch'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_unknown_bundled_data_are_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'irish'; did you mean 'iris'\?"):
        load_bundled("irish")


def test_scaling_is_that_of_scikit_learn() -> None:
    table = load_bundled("wine")
    np.testing.assert_allclose(scaled(table, "standard"), StandardScaler().fit_transform(table.inputs), atol=1e-12)
    np.testing.assert_allclose(scaled(table, "minmax"), MinMaxScaler().fit_transform(table.inputs), atol=1e-12)
    np.testing.assert_array_equal(scaled(table, "none"), table.inputs)
    diabetes = load_bundled("diabetes")
    expected = StandardScaler().fit_transform(diabetes.targets[:, None])[:, 0]
    np.testing.assert_allclose(standardised(diabetes), expected, atol=1e-12)


# -- the user's own file ----------------------------------------------------------------------------------------------


FRAME = pl.DataFrame({"name": ["a", "b", "c"], "x": [1.5, -2.0, 3e2], "y": [1, 0, 1]})


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "npz"])
def test_every_kind_of_file_gives_the_same_table(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"mine.{kind}"
    match kind:
        case "csv":
            FRAME.write_csv(path)
        case "tsv":
            FRAME.write_csv(path, separator="\t")
        case "parquet":
            FRAME.write_parquet(path)
        case "npz":
            np.savez(
                path,
                **{
                    column: FRAME[column].to_numpy().astype(str if column == "name" else float)
                    for column in FRAME.columns
                },
            )
    table = read_table(str(path), (), "y", width=1, classes=False)
    assert (table.name, table.columns, table.target) == (path.name, ("x",), "y")
    np.testing.assert_array_equal(table.inputs, [[1.5], [-2.0], [300.0]])
    np.testing.assert_array_equal(table.targets, [1.0, 0.0, 1.0])


def test_the_columns_of_a_two_dimensional_array_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.savez(path, X=x, label=np.array([True, False, True, True]))
    table = read_table(str(path), ("X2", "X0"), "label", width=2, classes=True)
    np.testing.assert_array_equal(table.inputs, x[:, [2, 0]])
    np.testing.assert_array_equal(table.targets, [1, 0, 1, 1])


@pytest.mark.parametrize(
    ("values", "numbers", "names"),
    [("yes no yes", [1, 0, 1], ("no", "yes")), ("7 -1 7", [1, 0, 1], ("-1", "7")), ("b a a", [1, 0, 0], ("a", "b"))],
)
def test_two_classes_become_0_and_1_in_sorted_order(
    tmp_path: Path, values: str, numbers: list[int], names: tuple[str, ...]
) -> None:
    rows = "".join(f"{row},{row * row},{value}\n" for row, value in enumerate(values.split()))
    table = read_table(write(tmp_path / "mine.csv", "a,b,class\n" + rows), (), "class", width=2, classes=True)
    np.testing.assert_array_equal(table.targets, numbers)
    assert table.classes == names


def test_the_ways_of_spreadsheets_are_understood(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.csv", "\ufeffx, y,class \r\n 1,2 ,no \r\n3,4,yes\r\n5,6, no\r\n\r\n")
    table = read_table(file, ("x", "y"), "class", width=2, classes=True)
    np.testing.assert_array_equal(table.inputs, [[1, 2], [3, 4], [5, 6]])
    assert table.classes == ("no", "yes")


def test_names_that_are_the_same_but_for_a_space_keep_it(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.csv", "x, x,y\n1,2,3\n4,5,6\n")
    np.testing.assert_array_equal(read_table(file, (" x",), "y", width=1, classes=False).inputs, [[2], [5]])


GOOD = "x,y\n1,2\n3,5\n4,4\n"


@pytest.mark.parametrize(
    ("text", "features", "target", "sentence"),
    [
        ("", ("x",), "y", "is empty"),
        ("x,y\n", ("x",), "y", "has no rows of data; at least 2"),
        ("x,y\n1,2\n", ("x",), "y", "has a single row of data; at least 2"),
        ("x,y\n1,2\n3,4,5\n", ("x",), "y", r"Row 2 of .* has 3 fields; the heading has 2\."),
        (GOOD, ("x",), None, r"--target; it has x, y\."),
        (GOOD, ("xx",), "y", r"no column 'xx'; did you mean 'x'\? Known: x, y\."),
        (GOOD, ("x",), "Y", r"no column 'Y'; .*[kK]nown: x, y\."),
        (GOOD, ("x", "y"), "y", r"takes one feature, not 2: x, y\."),
        (GOOD, ("y",), "y", "used twice among y, y"),
        ("a,b,y\n1,2,3\n4,5,7\n", (), "y", r"one feature to use with --features; besides 'y' there are a, b\."),
        ("y\n1\n2\n", (), "y", r"besides 'y' there are none\."),
        ("x,y\n1,2\noops,3\n4,4\n", (), "y", r"'oops' in row 2 \(the header not counted\) of column 'x' is no number"),
        ("x,y\n1,2\n2,3\n4,high\n", ("x",), "y", r"'high' in row 3 \(the header not counted\) of column 'y'"),
        ("x,y\n1,2\n2,nan\n", ("x",), "y", "(?i)nan in row 2 .* of column 'y' .*finite"),
        ("x,y\n-inf,2\n2,3\n", ("x",), "y", "inf in row 1 .* of column 'x' .*finite"),
        ("x,y\n1,2\n1e200,3\n", ("x",), "y", r"1e200 in row 2 .* below 1e\+100"),
        ("x,y\n1,2\n,3\n", ("x",), "y", "missing in row 2 .* of column 'x'"),
        ("x,y\n1,2\n  ,3\n", ("x",), "y", "missing in row 2 .* of column 'x'"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(
    tmp_path: Path, text: str, features: tuple[str, ...], target: str | None, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        read_table(write(tmp_path / "mine.csv", text), features, target, width=1, classes=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("red green blue", r"'class' has 3 different values \(blue, green, red\); it needs two classes"),
        ("1 1 1", r"1 different values \(1\); it needs two classes"),
        ("a,b,c,d,e,f,g,h,i,j,k,l", r"12 different values \(a, b, c, d, e, f, g, h, i, j … and 2 more\)"),
        ("a, ,b", "missing in row 2 .* of column 'class'; every row needs a class"),
        ("a,,b", "missing in row 2 .* of column 'class'; every row needs a class"),
        ("1,,0", "missing in row 2 .* of column 'class'"),
    ],
)
def test_what_is_wrong_with_classes_is_said(tmp_path: Path, values: str, sentence: str) -> None:
    labels = values.split("," if "," in values else " ")
    text = "a,b,class\n" + "".join(f"{row},{-row},{label}\n" for row, label in enumerate(labels))
    with pytest.raises(ConfigError, match=sentence):
        read_table(write(tmp_path / "mine.csv", text), (), "class", width=2, classes=True)


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_a_constant_column_is_refused(tmp_path: Path, scale: str) -> None:
    same_x = read_table(write(tmp_path / "x.csv", "x,y\n2,1\n2,3\n"), (), "y", width=1, classes=False)
    with pytest.raises(ConfigError, match="'x' is 2 in every row"):
        scaled(same_x, scale)  # type: ignore[arg-type]


def test_a_constant_target_is_refused(tmp_path: Path) -> None:
    same_y = read_table(write(tmp_path / "y.csv", "x,y\n1,5\n2,5\n"), (), "y", width=1, classes=False)
    with pytest.raises(ConfigError, match="'y' is 5 in every row"):
        standardised(same_y)


def _archive(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("mine.txt", b"x,y\n1,2\n", r"of no known kind; give a \.csv, \.tsv, \.parquet, \.npz file"),
        ("mine.csv", b"x,y\n\xff\xfe,2\n\xff,3\n", "cannot be read as a table of text: .*utf-8"),
        ("mine.parquet", b"PAR1 no more", "cannot be read as a Parquet file"),
        ("mine.npz", b"PK no more", "cannot be read as an NPZ file"),
        ("mine.npz", _archive(x=np.array([{}, {}], dtype=object), y=np.zeros(2)), "cannot be read as an NPZ file"),
        ("mine.npz", _archive(x=np.zeros((2, 2, 2)), y=np.zeros(2)), "'x' .* 3 dimensions"),
        ("mine.npz", _archive(x=np.zeros(2, complex), y=np.zeros(2)), "type complex128"),
        ("mine.npz", _archive(x=np.zeros(3), y=np.zeros(2)), r"differ in length \(x 3, y 2\)"),
        ("mine.npz", _archive(x=np.array([0.0, np.nan]), y=np.arange(2)), "(?i)nan in row 2 .* of column 'x'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=sentence) as caught:
        read_table(str(path), ("x",), "y", width=1, classes=False)
    assert "\n" not in str(caught.value)


def test_a_directory_is_not_reported_as_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(ConfigError, match=r"dir\.csv is a directory; name a file with --data"):
        read_table(str(tmp_path / "dir.csv"), (), "y", width=1, classes=False)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"There is no file nowhere\.csv"):
        read_table("nowhere.csv", (), "y", width=1, classes=False)


def test_a_column_of_dates_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    pl.DataFrame({"x": [1, 2], "y": [1, 2]}).with_columns(pl.col("x").cast(pl.Date)).write_parquet(path)
    with pytest.raises(ConfigError, match="'x' holds values of type Date; it needs numbers"):
        read_table(str(path), ("x",), "y", width=1, classes=False)
