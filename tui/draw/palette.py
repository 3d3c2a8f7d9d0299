"""The colours and glyphs of everything drawn. Colours are ints 0xRRGGBB. Imports no numpy."""

from dataclasses import dataclass, replace

GLYPHS = ("●", "■", "▲", "◆", "★", "▼", "✚", "✖", "◉")
"""The head of each run: single-cell characters that monospaced fonts have, distinguishable without colour."""
START, MINIMUM, CHANGE = "○", "×", "◇"

_SHADES = 4  # of a trail, from the newest points to the oldest


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme, as 0xRRGGBB.

    Every shade of a trail, from `runs` to `faded`, has a contrast of at least 3 : 1 (WCAG 2) with every band and every
    swath, so these have little luminance to differ in: lines between the bands say what they cannot.

    Attributes:
        background, text, muted: of plain cells.
        runs: one for each of nine runs (after Okabe and Ito, lightened or darkened for the background).
        faded: what each of them has become in the oldest parts of a trail.
        bands: backgrounds of the landscape, from the lowest loss to the highest; neighbours may be the same.
        swaths: behind the curve of each run, over the values that it goes through.
        contour: of the lines between bands, drawn thinly over them.
        marks: of the start and the minimum.
        good, warn, bad: of words, readable on the background: all is well, look here, something went wrong.
    """

    background: int
    text: int
    muted: int
    runs: tuple[int, ...]
    faded: tuple[int, ...]
    bands: tuple[int, ...]
    swaths: tuple[int, ...]
    contour: int
    marks: int
    good: int
    warn: int
    bad: int

    @property
    def dimmed(self) -> "Palette":
        """The same with a landscape that is half way to the background: the one before, until the next is there."""
        bands = tuple(blend(band, self.background, 0.5) for band in self.bands)
        return replace(self, bands=bands, contour=blend(self.contour, self.background, 0.5))

    def head(self, color: int) -> tuple[int, int]:
        """The foreground and background of a run's head glyph, which stands out from its trail."""
        return self.marks, blend(color, self.background, 0.5)


DARK = Palette(
    background=0x0C0E14,
    text=0xE4E4E4,
    muted=0x8A8F98,
    runs=(0x5CBCF2, 0x00CF9A, 0xF0A818, 0xF092C8, 0xF0E442, 0xFF7850, 0xAFA0FF, 0xA6D62E, 0xCDA277),
    faded=(0x4D95BF, 0x17A178, 0xBA841E, 0xBF77A0, 0x9A900D, 0xD97051, 0x9084CE, 0x769A17, 0xA98866),
    bands=(
        0x014270, 0x033C6D, 0x02366E, 0x02306D, 0x082B69, 0x10265F, 0x142255,
        0x161E4B, 0x161A42, 0x151737, 0x14142E, 0x121125, 0x0F0E1C,
    ),
    swaths=(0x0C2938, 0x0A2C20, 0x32230A, 0x371E2C, 0x29270A, 0x3A1F17, 0x26233B, 0x20290F, 0x35220C),
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
    runs=(0x005CA8, 0x006B52, 0xA04C00, 0x9C2A70, 0x626000, 0xA8001C, 0x3A3FC0, 0x2A6A1C, 0x5A2E28),
    faded=(0x3871AE, 0x397A64, 0xA15E32, 0xA95082, 0x737135, 0xBB4947, 0x5666CC, 0x497A40, 0x8E6557),
    bands=(
        0x72D9FF, 0x88DAFE, 0x9ADCFE, 0xA8DEFF, 0xB4E1FF, 0xC0E3FF, 0xCAE6FE,
        0xD2E9FF, 0xDBECFF, 0xE3EFFF, 0xEAF3FF, 0xF1F6FF, 0xF7FAFE,
    ),
    swaths=(0xDFEEFF, 0xD5F3E7, 0xFFE8DA, 0xFFE6F1, 0xEEEED3, 0xFFE7E4, 0xE6ECFF, 0xDFF2DC, 0xFFE8E0),
    contour=0x1C1C1C,
    marks=0x000000,
    good=0x1F6B2E,
    warn=0x7A4B00,
    bad=0xB3261E,
)  # fmt: skip

DARK_256 = replace(
    DARK,
    runs=(0x5FAFFF, 0x00D7AF, 0xFFAF00, 0xFF87D7, 0xFFFF5F, 0xFF875F, 0xAFAFFF, 0xAFD700, 0xD7AF87),
    faded=(0x5F87D7, 0x00AF87, 0xAF8700, 0xD75FAF, 0xAFAF00, 0xD75F5F, 0x8787D7, 0x87AF00, 0xAF875F),
    bands=(
        0x3A3A3A, 0x3A3A3A, 0x303030, 0x303030, 0x262626, 0x262626, 0x1C1C1C, 0x1C1C1C,
        0x121212, 0x121212, 0x080808, 0x080808,
    ),
    swaths=(0x303030,) * 9,
)  # fmt: skip
"""The same for terminals that show no more than the xterm-256 table, where what is nearest to `DARK` would merge.

Bands come in pairs, since there are few that are dark enough; every first border of two has a line.
"""

_LIGHT_RUNS_256 = (0x005FAF, 0x00875F, 0xAF5F00, 0xAF0087, 0x5F5F00, 0xD70000, 0x5F00D7, 0x008700, 0x875F5F)

LIGHT_256 = replace(
    LIGHT,
    runs=_LIGHT_RUNS_256,
    faded=_LIGHT_RUNS_256,  # none that is lighter stands out; that trails thin out has to show their age
    bands=(
        0xAFD7FF, 0xAFD7FF, 0xDEDEDE, 0xDEDEDE, 0xE8E8E8, 0xE8E8E8, 0xE8E8E8, 0xE8E8E8,
        0xF2F2F2, 0xF2F2F2, 0xFFFFFF, 0xFFFFFF,
    ),
    swaths=(0xE8E8E8,) * 9,
)  # fmt: skip


def hexadecimal(color: int) -> str:
    """A colour as rich and Textual write it: 0x56B4E9 is "#56b4e9"."""
    return f"#{color:06x}"


def blend(color: int, other: int, share: float) -> int:
    """A mixture of two colours: `share` of the second one, 0 to 1."""
    channels = ((color >> shift & 255, other >> shift & 255, shift) for shift in (16, 8, 0))
    return sum(round(one + (two - one) * share) << shift for one, two, shift in channels)


def fade(color: int, faded: int) -> tuple[int, ...]:
    """Four shades of a run's colour for the parts of its trail, oldest first; the last is the colour itself."""
    return tuple(blend(faded, color, step / (_SHADES - 1)) for step in range(_SHADES))
