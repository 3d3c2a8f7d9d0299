"""The settings of a run, to be seen and changed while it goes on."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar, Literal, NamedTuple, get_args

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Select, Static

from sim.experiment.choices import OPTIMIZERS, SAMPLINGS, SCHEDULES
from sim.experiment.config import RunConfig
from sim.experiment.errors import ConfigError
from sim.experiment.journal import Settings
from sim.experiment.resolved import Facts, Run, resolve_run
from tui.options.keys import RUN_KEYS
from tui.slider import Slider

What = Literal["this run", "all runs", "fork", "from the start"]

TYPED = {
    "batch_size": "batch size",
    "lr": "learning rate",
    "momentum": "momentum",
    "schedule_updates": "schedule's updates",
    "name": "name, of a new run",
}
"""The settings that are typed, and their words."""
CHOSEN: dict[str, tuple[str, Iterable[str]]] = {
    "optimizer": ("optimizer", OPTIMIZERS),
    "schedule": ("schedule", SCHEDULES),
    "sampling": ("sampling", SAMPLINGS),
    "nesterov": ("nesterov", ("false", "true")),
    "drop_last": ("drop last", ("false", "true")),
}
"""The settings that are chosen among a few, their words and what there is to choose from."""
_RATES = (*(float(f"{digit}e{power}") for power in range(-5, 1) for digit in (1, 2, 5)), 10.0)
_MOMENTA = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_BUTTONS: dict[What, str] = {
    "this run": "change it",
    "all runs": "change all",
    "fork": "fork it here",
    "from the start": "add from the start",
}


class SettingsRequest(NamedTuple):
    """What is to become otherwise, and for whom."""

    what: What
    settings: Settings


class SettingsScreen(ModalScreen[SettingsRequest | None]):
    """The settings of one run, over the screen; closes with what was asked for, or with nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close"),
        Binding("enter", "change", "change it"),
        Binding("down", "row(1)", "next row", show=False),
        Binding("up", "row(-1)", "row before", show=False),
    ]

    def __init__(self, asked: RunConfig, run: Run, facts: Facts) -> None:
        """Settings to begin with.

        Args:
            asked: the run as it was asked for; what was left open there stays so unless it is typed.
            run: what that comes to.
            facts: of the problem, to check what is typed.
        """
        super().__init__()
        self._asked, self._run, self._facts = asked, run, facts

    def compose(self) -> ComposeResult:
        """A line for each setting, then what is to be done."""
        with VerticalScroll(id="settings", can_focus=False) as settings:
            settings.border_subtitle = "↑ ↓ next row · enter changes the run · esc closes"
            yield Static(f"{self._run.name}: what its next updates are made with", classes="title", markup=False)
            with Grid(classes="fields"):
                stops = {"batch_size": _batch_sizes(self._facts.examples), "lr": _RATES, "momentum": _MOMENTA}
                for key, words in TYPED.items():
                    value = getattr(self._run, key)
                    yield Label(words)
                    yield Input(_text(value), id=key, compact=True, classes="" if key in stops else "wide")
                    if key in stops:
                        yield Slider(stops[key], value, name=key)
                for key, (words, choices) in CHOSEN.items():
                    yield Label(words)
                    names = [(name, name) for name in choices]
                    value = _text(getattr(self._run, key))
                    yield Select(names, value=value, allow_blank=False, id=key, compact=True, classes="wide")
            yield Static(id="refusal", markup=False)
            with Horizontal(classes="buttons"):
                for number, words in enumerate(_BUTTONS.values()):
                    yield Button(
                        words, id=f"button-{number}", compact=True, variant="primary" if not number else "default"
                    )

    def on_slider_moved(self, event: Slider.Moved) -> None:
        """Type the value that a slider was moved to."""
        self.query_one(f"#{event.slider.name}", Input).value = _text(event.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Have a slider follow what is typed, where that is a value."""
        for slider in self.query(Slider):
            if slider.name == event.input.id:
                with suppress(ValueError):
                    slider.value = float(self._facts.examples if event.value == "all" else event.value)

    def action_row(self, by: int) -> None:
        """Go so many rows on in the column of the fields, or in that of the sliders."""
        column = [*self.query("Slider" if isinstance(self.focused, Slider) else "Input, Select")]
        if self.focused in column:
            column[(column.index(self.focused) + by) % len(column)].focus()

    def on_input_submitted(self) -> None:
        """Enter in a field changes the run."""
        self.action_change()

    def action_change(self) -> None:
        """So does enter on a slider."""
        self._ask_for("this run")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Ask for what the button says."""
        self._ask_for(get_args(What)[int(str(event.button.id).rpartition("-")[2])])

    def _ask_for(self, what: What) -> None:
        if self.app.screen is not self:  # it was closed already, or the palette lies over it, which would be closed
            return
        try:
            settings = self._settings()
            if "name" in settings and what in ("this run", "all runs"):
                raise ConfigError(f"{self._run.name} keeps its name; a fork of it has another.")
            resolve_run(replace(self._asked, **settings), self._facts)
        except ConfigError as error:
            self.query_one("#refusal", Static).update(str(error))
        else:
            self.dismiss(SettingsRequest(what, settings))

    def _settings(self) -> dict[str, Any]:
        """What was typed or chosen that is not as it was.

        Raises:
            ConfigError: for what is no number, say.
        """
        texts = {key: self.query_one(f"#{key}", Input).value for key in TYPED}
        texts |= {key: str(self.query_one(f"#{key}", Select).value) for key in CHOSEN}
        changed = {key: text for key, text in texts.items() if text != _text(getattr(self._run, key))}
        if "optimizer" in changed:  # the rate stays the one that is shown, whatever another optimizer's usual one is
            changed["lr"] = texts["lr"]
        return {key: _read(key, RUN_KEYS[key], text) for key, text in changed.items()}


def _batch_sizes(examples: int) -> tuple[int, ...]:
    """The powers of two below the number of the examples, and that number; 0 where it is not known."""
    return (*(2**power for power in range(max(examples - 1, 0).bit_length())), examples)


def _read(key: str, read: Callable[[str], Any], text: str) -> object:
    try:
        return read(text)
    except ValueError as error:
        raise ConfigError(f"{key} {error}") from None


def _text(value: object) -> str:
    """A value as one would type it."""
    return str(value).lower() if isinstance(value, bool) else f"{value:.6g}" if isinstance(value, float) else str(value)
