"""The colours and glyphs of everything drawn, and which loss gets which band. Colours are ints 0xRRGGBB."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

GLYPHS = ("●", "■", "▲", "◆", "★", "▼", "✚", "✖", "◉")
"""The head of each run: single-cell characters that monospaced fonts have, told apart without colour."""
START, MINIMUM = "○", "×"

_SHADES = (0.5, 0.65, 0.8, 1.0)  # how much of a run's colour an old part of its trail keeps, oldest first
_FAR_SHARE = 0.97  # of the window's area: the loss reached there begins the highest band
_NEAR_SHARE = 0.01  # losses this rare are near the minimum, where levels turn from even to geometric
_LARGEST = 1e300  # differences of such losses are finite


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme's colours, 0xRRGGBB.

    Attributes:
        background, text, muted: of plain cells.
        runs: one for each of nine runs (after Okabe and Ito, lightened or darkened for the background).
        bands: backgrounds of the landscape, from the lowest loss to the highest.
        bands_256: the same from entries of the xterm-256 table, for terminals that show no more colours: those
            nearest to `bands` would merge there. They need not be as many.
        contour: of the lines between bands, drawn thinly over them.
        marks: of the start and the minimum.
        good, warn, bad: of words, readable on the background: all is well, look here, something went wrong.
    """

    background: int
    text: int
    muted: int
    runs: tuple[int, ...]
    bands: tuple[int, ...]
    bands_256: tuple[int, ...]
    contour: int
    marks: int
    good: int
    warn: int
    bad: int

    def head(self, color: int) -> tuple[int, int]:
        """The foreground and background of a run's head glyph, which stands out from its trail."""
        return self.marks, blend(color, self.background, 0.5)


DARK = Palette(
    background=0x0C0E14,
    text=0xE4E4E4,
    muted=0x8A8F98,
    runs=(0x56B4E9, 0x00C896, 0xE69F00, 0xE58AC0, 0xF0E442, 0xFF6A3D, 0x9A86FF, 0xA6D62E, 0xA8744A),
    bands=(
        0x7FC4B8, 0x69B0AE, 0x539CA4, 0x42889A, 0x357490, 0x296085, 0x224C74,
        0x1B3963, 0x172C52, 0x132142, 0x0F1832, 0x0D1225, 0x0A0D18,
    ),
    bands_256=(
        0x87D7D7, 0x5FAFAF, 0x5F8787, 0x008787, 0x005F87, 0x005F5F, 0x444444,
        0x3A3A3A, 0x303030, 0x262626, 0x1C1C1C, 0x121212, 0x080808,
    ),
    contour=0xE4E4E4,
    marks=0xFFFFFF,
    good=0x7BC96F,
    warn=0xF5C542,
    bad=0xFF7B72,
)  # fmt: skip

LIGHT = Palette(
    background=0xFFFFFF,
    text=0x1C1C1C,
    muted=0x6C6C6C,
    runs=(0x1B7FC4, 0x00795A, 0xC46A00, 0xB0407F, 0x8A7E00, 0xB00020, 0x3A3FC0, 0x4E7F00, 0x7A4A22),
    bands=(
        0x3F9C9C, 0x5AAAAB, 0x73B9BA, 0x88C5C7, 0x9ACED4, 0xACD7E0, 0xBCDDE8,
        0xCCE3F0, 0xD7E7F4, 0xE0ECF7, 0xE9F0F9, 0xF2F6FB, 0xFAFBFD,
    ),
    bands_256=(
        0x005F5F, 0x008787, 0x5F8787, 0x5FAFAF, 0x87AFAF, 0x87D7D7,
        0xAFD7D7, 0xDADADA, 0xE4E4E4, 0xEEEEEE, 0xFFFFFF,
    ),
    contour=0x1C1C1C,
    marks=0x000000,
    good=0x1F6B2E,
    warn=0x7A4B00,
    bad=0xB3261E,
)  # fmt: skip


def hexadecimal(color: int) -> str:
    """A colour as rich and Textual write it: 0x56B4E9 is "#56b4e9"."""
    return f"#{color:06x}"


def blend(color: int, other: int, share: float) -> int:
    """A mixture of two colours: `share` of the second one, 0 to 1."""
    channels = ((color >> shift & 255, other >> shift & 255, shift) for shift in (16, 8, 0))
    return sum(round(one + (two - one) * share) << shift for one, two, shift in channels)


def fade(color: int, background: int) -> tuple[int, ...]:
    """Four shades of a run's colour for the parts of its trail, oldest first; the last is the colour itself."""
    return tuple(blend(background, color, share) for share in _SHADES)


def trail_colors(count: int, color: int, background: int, recent: int) -> Integers:
    """A colour for each of a trail's points, oldest first, shape (count,): one shade fainter every `recent` points."""
    shades = np.array(fade(color, background), dtype=np.int64)
    age = np.arange(count - 1, -1, -1) // recent
    return shades[np.maximum(len(shades) - 1 - age, 0)]


def loss_levels(losses: Floats, bands: int) -> Floats:
    """The losses at the borders between bands: increasing, shape (bands - 1,).

    They are spaced evenly in log(loss - minimum + near), `near` being a loss that is rare in the window: finer and
    finer towards the minimum, so that the valley and the far field both have structure. What is not finite is left
    out of account. Keep them for as long as a window is shown: they depend on the grid.
    """
    finite = losses[np.isfinite(losses)].clip(-_LARGEST, _LARGEST)
    if not finite.size:
        return np.arange(1.0, bands)
    low = float(finite.min())
    near, far = np.quantile(finite - low, [_NEAR_SHARE, _FAR_SHARE]).tolist()
    if far <= 1e-12 * abs(low):
        return low + np.arange(1.0, bands) * max(abs(low), 1.0)
    near = max(near, far * 1e-4)
    levels: Floats = low + near * np.expm1(np.log1p(far / near) * np.arange(1, bands) / bands)
    return levels


def band_of(losses: Floats, levels: Floats) -> NDArray[np.uint8]:
    """Which band each loss lies in, any shape: 0 below the first level; NaN and inf are in the highest."""
    return np.searchsorted(levels, losses, side="right").astype(np.uint8)
