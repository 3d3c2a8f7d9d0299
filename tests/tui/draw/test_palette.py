"""Colours that can be distinguished and read, and bands that follow the loss."""

import itertools
import unicodedata

import numpy as np
import pytest
from rich.cells import cell_len
from rich.color import Color, ColorSystem
from textual.theme import BUILTIN_THEMES

from sim.experiment.config import MAX_RUNS
from tui.draw.bands import band_of, loss_levels, trail_colors
from tui.draw.canvas import GROUND, Canvas
from tui.draw.palette import (
    DARK,
    DARK_256,
    GLYPHS,
    LIGHT,
    LIGHT_256,
    MINIMUM,
    START,
    Palette,
    blend,
    fade,
)
from tui.panels.magnified import ellipse_colors
from tui.themes import THEMES, palette_of

NAMES = ["dark", "light", "dark, 256 colours", "light, 256 colours"]
PALETTES = pytest.mark.parametrize("palette", [DARK, LIGHT, DARK_256, LIGHT_256], ids=NAMES)
LEAST = 3.0
"""WCAG's least contrast for graphics."""


def channels(color: int) -> np.ndarray:
    return np.array([color >> 16, color >> 8 & 255, color & 255], dtype=float)


def luminance(color: int) -> float:
    """The relative luminance of WCAG 2."""
    parts = channels(color) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: int, two: int) -> float:
    """The contrast ratio of WCAG 2, 1 to 21."""
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def displayed(color: int, palette: Palette) -> int:
    """What the palette's terminal shows for a colour: rich takes one of 256 where there are no more."""
    if palette in (DARK, LIGHT):
        return color
    exact = Color.from_rgb(color >> 16, color >> 8 & 255, color & 255)
    return int(exact.downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex[1:], 16)


@PALETTES
def test_every_run_has_a_colour_and_glyph_of_its_own(palette: Palette) -> None:
    assert len(palette.runs) == len(palette.faded) == len(palette.swaths) == len(set(GLYPHS)) == MAX_RUNS
    for one, two in itertools.combinations(palette.runs, 2):
        assert np.linalg.norm(channels(displayed(one, palette)) - channels(displayed(two, palette))) > 60


@PALETTES
def test_every_shade_of_every_trail_stands_out_from_all_that_it_may_lie_on(palette: Palette) -> None:
    grounds = {
        displayed(color, palette)
        for color in (*palette.bands, *palette.dimmed.bands, *palette.swaths, palette.background)
    }
    for run, faded in zip(palette.runs, palette.faded, strict=True):
        for shade, ground in itertools.product(fade(run, faded), grounds):
            assert contrast(displayed(shade, palette), ground) >= LEAST, f"{shade:06x} on {ground:06x}"


@PALETTES
def test_heads_marks_and_labels_stand_out(palette: Palette) -> None:
    for color in (*palette.runs, *(blend(palette.background, run, 0.5) for run in palette.runs)):
        fg, bg = palette.head(color)
        assert contrast(displayed(fg, palette), displayed(bg, palette)) >= LEAST
    for band in palette.bands:
        assert contrast(palette.marks, displayed(band, palette)) >= 7
    assert contrast(palette.text, palette.background) >= 7
    assert contrast(palette.muted, palette.background) >= 4.5


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=NAMES[:2])
def test_examples_that_were_used_and_words_stand_out_from_the_ellipses(palette: Palette) -> None:
    for run, swath in zip(palette.runs, palette.swaths, strict=True):
        one, many = ellipse_colors(run, swath, palette)
        assert min(contrast(run, one), contrast(run, many)) >= LEAST
        assert min(contrast(palette.text, one), contrast(palette.text, many)) >= LEAST
        assert contrast(palette.muted, one) >= LEAST


@PALETTES
def test_the_ellipses_are_seen(palette: Palette) -> None:
    for run, swath in zip(palette.runs, palette.swaths, strict=True):
        grounds = [displayed(color, palette) for color in (palette.background, *ellipse_colors(run, swath, palette))]
        assert min(contrast(one, other) for one, other in itertools.combinations(grounds, 2)) > 1.15


@pytest.mark.parametrize("name", sorted({*BUILTIN_THEMES, *(theme.name for theme in THEMES)}))
@pytest.mark.parametrize("colors", ["truecolor", "256"])
def test_runs_stand_out_under_every_theme(name: str, colors: str) -> None:
    theme = {**BUILTIN_THEMES, **{theme.name: theme for theme in THEMES}}[name]
    palette = palette_of(theme, colors)
    for color in (*palette.runs, *palette.faded):
        assert contrast(color, palette.background) >= LEAST


@PALETTES
def test_lines_of_equal_loss_are_seen_on_every_band_but_less_than_trails(palette: Palette) -> None:
    for band in palette.bands:
        canvas = Canvas(1, 1, background=band)
        canvas.polyline([(0, 0), (1, 0)], palette.contour, GROUND)
        line = displayed(int(canvas.frame().fg[0, 0]), palette)
        assert 1.35 <= contrast(line, displayed(band, palette)) < 2


def test_glyphs_take_one_cell() -> None:
    for glyph in (*GLYPHS, START, MINIMUM):
        assert cell_len(glyph) == 1
        assert unicodedata.east_asian_width(glyph) not in "WF"


@PALETTES
def test_bands_go_steadily_from_one_luminance_to_the_other(palette: Palette) -> None:
    shown = [displayed(band, palette) for band in palette.bands]
    steps = np.diff([luminance(band) for band in shown])
    assert 10 <= len(shown) <= 16
    assert len(set(shown)) >= 5
    assert np.all(steps <= 0) or np.all(steps >= 0)


def test_blend() -> None:
    assert blend(0x000000, 0xFF8040, 0.5) == 0x804020
    assert blend(0x123456, 0xFFFFFF, 0.0) == 0x123456
    assert blend(0x123456, 0xABCDEF, 1.0) == 0xABCDEF


def test_a_trail_s_shades_follow_its_age() -> None:
    faint, fainter, older, color = fade(0xFF0000, 0x990000)
    assert [faint, fainter, older, color] == [0x990000, 0xBB0000, 0xDD0000, 0xFF0000]
    shades = trail_colors(9, 0xFF0000, 0x990000, recent=2)
    assert shades.tolist() == [faint] * 3 + [fainter] * 2 + [older] * 2 + [color] * 2
    assert trail_colors(0, 0xFF0000, 0, recent=2).tolist() == []


def bowl(size: int = 60) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    return x**2 + y**2


def rosenbrock(size: int = 60) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(-2, 2, size), np.linspace(-1, 3, size))
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@pytest.mark.parametrize("losses", [bowl(), rosenbrock(), rosenbrock() - 500, bowl() * 1e-12, bowl() * 1e200])
def test_bands_rise_with_the_loss_and_all_are_used(losses: np.ndarray) -> None:
    levels = loss_levels(losses, 13)
    bands = band_of(losses, levels).ravel()[np.argsort(losses, axis=None)]
    assert len(levels) == 12
    assert np.all(np.diff(levels) > 0)
    assert np.all(np.diff(bands.astype(int)) >= 0)
    assert set(bands.tolist()) == set(range(13))
    assert np.bincount(bands).max() < 0.5 * bands.size  # neither the valley nor the far field is one flat patch


def test_levels_are_the_borders_of_bands() -> None:
    levels = loss_levels(bowl(), 13)
    assert band_of(levels, levels).tolist() == list(range(1, 13))
    assert band_of(np.nextafter(levels, -np.inf), levels).tolist() == list(range(12))


@pytest.mark.filterwarnings("error")
def test_a_few_huge_or_infinite_losses_change_little() -> None:
    losses = bowl()
    spoilt = losses.copy()
    spoilt[0, :5] = [np.inf, np.nan, 1e300, -np.inf, np.finfo(float).max]
    levels = loss_levels(spoilt, 13)
    assert levels == pytest.approx(loss_levels(losses, 13), rel=0.05)
    assert band_of(spoilt, levels)[0, :5].tolist() == [12, 12, 12, 0, 12]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, -3.0, 1e-300, 1e300, np.inf, np.nan])
def test_a_flat_landscape_has_one_band(value: float) -> None:
    losses = np.full((4, 4), value)
    levels = loss_levels(losses, 13)
    assert np.all(np.diff(levels) > 0)
    assert len(np.unique(band_of(losses, levels))) == 1
