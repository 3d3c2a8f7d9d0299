"""Files to read: whole ones of every kind, and some that are not what they should be."""

import base64
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

KINDS = ("csv", "npz", "npy", "parquet")


def written(folder: Path, kind: str, values: np.ndarray, targets: np.ndarray) -> dict[str, str]:
    """The options for a file of that kind with these inputs (N, K) and targets (N,)."""
    frame, path = pl.DataFrame(values).with_columns(y=targets), folder / f"mine.{kind}"
    match kind:
        case "csv":
            frame.write_csv(path)
        case "parquet":
            frame.write_parquet(path)
        case "npz":
            np.savez(path, X=values, y=targets)
            return {"data": str(path)}
        case "npy":
            np.save(folder / "X.npy", values)
            np.save(folder / "y.npy", targets)
            return {"data": f"{folder / 'X.npy'},{folder / 'y.npy'}"}
    return {"data": str(path), "target": "y"}


SMALL_PARQUET = zlib.decompress(
    base64.b85decode(
        "c-nPR%}(1u5FQ(A6(J4?F{@be!51tL5lvhmF^UA6fFLTgc2ue263NtA^BbcW2zd*hg%eNEN~jOgN8s4m-Kg!M9j)e@+4=VS=CHBoHxRIm?HV#F"
        "7%~7G0GI_j-gXT-dj>0eIPb0ibF0=P0%v@{2SEkUK_C5N0{9a%2_W4iTv7&$e;ZhH3>|k1*dmEdwb+P{f>$eevcUCt1qYmnRJ~fbsY<ln_K`C#"
        "iaT@w=T~f6f~*xz>ACB<wLp6RT#!H8xD3II?fu`Af3uMT|6y?!R0x)pd38bb`=7q-lwZ$>H)-{!^-jh1sh~Jesr5kpV>0XY)dwL;(bbrU^_b?9"
        "iMsCzk<WNN{ZyrnO2?N(Y8Agl4X<N>BK}PC$kd6McN0a;O@DMnX}?sfov3kFGfxfwM4KGs#8;RY^Zl9hy4ruz6P;WfYB8;s3#fjKi|ce;`m49o"
        "yYphS=06O_<wY^_!;Qv9-CsSszqro)ri|+0S@vGaENn{I3bV#$*leZsC=H`6DMQ&zhglS^xit@f4t%GN5!1)}1s9WjxB"
    )
)
"""Three rows of x (1.5, 2.5, 3) and y (0, 1, 1), uncompressed."""


def changed(content: bytes, bytes_at: Mapping[int, int]) -> bytes:
    """The same with other bytes at these positions."""
    copied = bytearray(content)
    for position, value in bytes_at.items():
        copied[position] = value
    return bytes(copied)


def archive(**arrays: np.ndarray) -> bytes:
    """An NPZ file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    """An NPZ file with these bytes for arrays."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def with_flag(content: bytes, *, encrypted: bool = False, method: int = 0) -> bytes:
    """An archive whose members say that they are encrypted, or compressed in some way."""
    copied = bytearray(content)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        begin = -1
        while (begin := copied.find(signature, begin + 1)) >= 0:
            copied[begin + flags] |= encrypted
            copied[begin + flags + 2] = method
    return bytes(copied)


def npy(array: np.ndarray) -> bytes:
    """An NPY file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npy_header(header: str) -> bytes:
    """An NPY file with this header, and nothing behind it."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode("latin1")


def declaring(*shape: int, descr: str = "<f8") -> bytes:
    """An NPY file that says that it holds so much."""
    return npy_header(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
