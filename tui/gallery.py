"""All problems and models to choose from: a small landscape, a sentence and a key each."""

from collections.abc import Iterator
from functools import cache
from string import ascii_lowercase, digits
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from sim.experiment.choices import MODELS, NETWORKS
from sim.experiment.problem import ModelConfig, ProblemConfig
from sim.problems import build_formula, registry
from sim.problems.curvature import losses
from sim.protocol.results import centres
from tui.draw.bands import band_of, loss_levels
from tui.draw.palette import Palette, hexadecimal

_COLUMNS, _ROWS = 16, 4  # of a small landscape, in cells of two halves
_CLOSE = ("escape", "P", "q")

Floats = NDArray[np.float64]


class Choice(NamedTuple):
    """A problem or a model that the gallery offers.

    Attributes:
        key: what to press for it.
        name: of the problem or the model.
        sentence: what it shows.
        is_model: whether it is a model, on its usual data.
    """

    key: str
    name: str
    sentence: str
    is_model: bool


def choices() -> Iterator[Choice]:
    """The problems on the digits from 1, then on letters; the models that need no file on their initials."""
    taken = {"0", *_CLOSE}
    models = {name: _take(name + ascii_lowercase, taken) for name in NETWORKS}
    for name, entry in registry().items():
        yield Choice(_take(digits + ascii_lowercase, taken), name, entry.sentence, is_model=False)
    for name, key in models.items():
        words = f"{MODELS[name][0].upper()}{MODELS[name][1:]}; on {ModelConfig().dataset}."
        yield Choice(key, name, words, is_model=True)


def _take(keys: str, taken: set[str]) -> str:
    """The first key that is not taken; it is from then on."""
    key = next(key for key in keys if key not in taken)
    taken.add(key)
    return key


class Gallery(ModalScreen[Choice | None]):
    """The screen on which another problem or model is chosen; it closes with the choice, or with none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(_CLOSE), "dismiss", "close"),
        *(Binding(choice.key, f"choose({index})", choice.name) for index, choice in enumerate(choices())),
    ]

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._palette = palette
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(id="gallery") as gallery:
            gallery.border_subtitle = "a key shows it · esc closes"
            for choice in choices():
                with Horizontal(classes="choice"):
                    picture = Text("") if choice.is_model else _landscape(choice.name, self._palette)
                    yield Static(picture, classes="picture")
                    heading = Text.assemble((f" {choice.key} ", "reverse bold"), "  ", (choice.name, "bold"))
                    yield Static(Text("\n").join([heading, Text(choice.sentence)]), classes="words")

    def action_choose(self, index: int) -> None:
        """Close with a choice."""
        self.dismiss(list(choices())[index])


def _landscape(name: str, palette: Palette) -> Text:
    """A problem's loss over its window, in half blocks."""
    heights = _mean_losses(name)
    bands = band_of(heights, loss_levels(heights, len(palette.bands)))
    colors = np.array([hexadecimal(color) for color in palette.bands])[bands]
    return Text("\n").join(
        Text.assemble(*(("▀", f"{upper} on {lower}") for upper, lower in zip(*pair, strict=True)))
        for pair in colors.reshape(_ROWS, 2, _COLUMNS)
    )


@cache
def _mean_losses(name: str) -> Floats:
    """The mean loss at the centres of the halves of the cells, top row first."""
    formula = build_formula(ProblemConfig(name))
    a, b = np.meshgrid(*centres(formula.window, _COLUMNS, 2 * _ROWS))
    return np.asarray(losses(formula, (a[..., None], b[..., None])).mean(axis=-1))
