"""Help that teaches: the problem, what to try, the columns, the keys."""

from collections.abc import Iterable
from itertools import groupby
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.keys import format_key
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Markdown, Static

from sim.experiment.choices import CLOCKS, PLANES
from tui.draw.chart import ABOVE, BELOW
from tui.draw.numbers import count
from tui.draw.palette import CHANGE, GLYPHS, MINIMUM, START
from tui.keys import KEYS
from tui.panels.runs_table import columns
from tui.scene.scene import Scene

_WATCH = (
    "Watch which trail is straight and which one jitters; then press `space`, and `.` and `,`, to see one update at a "
    "time. While paused, an arrow from where the update began is the step that was made (in the run's colour), another "
    "one that of all examples (white); the dots around them are the steps that single examples would have made.",
    "Press `↓` and `(` or `)`: the selected run goes on with half or twice its batch; `<` and `>` do so with its rate, "
    "`enter` shows all of its settings, with sliders.",
    "What if the batch had been 8 from here? Pause, go back with `←`, and press `(` twice: a fork shows it, beside "
    "what did happen.",
    "Press `C`: the same race per update, per example and per second. Under each stands who leads where all have come "
    "(the dotted line). Then press `c`: now every run may read the same number of *examples*. Who is ahead?",
)
_FORMULA_TRIES = (
    *_WATCH,
    "Click on the surface, or start gdsim with `--start -1,2`, to begin elsewhere; `S` goes back to the "
    "problem's own start.",
    "Try a rate that is too high for single examples: `gdsim --lr 0.8`. Which run still comes to rest, and why? With "
    "`--lr 1` none does.",
    "Try `gdsim sine`: on a surface with several valleys, the noise of single examples gets a run out of a poor one.",
    "Press `m`: the same three descents on a real network and real data; `M`: both at once, where there is room.",
    "Compare batch sizes: `gdsim --run name=eight,batch_size=8 --run name=all,batch_size=all`.",
)
_MODEL_TRIES = (
    *_WATCH,
    "Press `c` again for the clock of *seconds*: on many examples (`gdsim --model mlp --dataset synthetic`) a "
    "mini-batch is what makes the most of them, with `--backend torch` and with `--backend compiled`.",
    "Press `p` for another plane, and see how far off it the runs are; press `v` for some test examples.",
    "Press `m`: the same three descents on two parameters, where all there is can be seen.",
    "Compare batch sizes: `gdsim --model mlp --run name=eight,batch_size=8 --run name=all,batch_size=all`.",
)


_MARKS = (
    (f"{START} {MINIMUM}", "where the runs begin, and a minimum that is known"),
    (CHANGE, "where a run's settings were changed"),
    (
        "a dimmed surface",
        "not known yet: what was there before, or what is nearest, until the landscape has come",
    ),
    (
        "▁▄█",
        "in this update: how far off the last updates were that were looked at, from 0° to 180°",
    ),
    (
        " ".join(GLYPHS[:3]) + " …",
        "where the runs are; dimmed, with a distance, if far off the plane",
    ),
    (
        "lines and bands",
        "in the curves: the loss over all examples, smoothed, and from the least to the greatest batch's; a click goes "
        "to the update that is drawn there, the wheel ten moments on or back",
    ),
    (
        f"{ABOVE} {BELOW}",
        "at the edges of the curves: values for which the axis (`y`) has no room",
    ),
)


class HelpScreen(ModalScreen[None]):
    """The help, or what went wrong, over the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "close")]

    def __init__(self, page: Widget) -> None:
        super().__init__()
        self._page = page

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(id="help") as page:
            page.border_subtitle = "esc closes"
            yield self._page


def help_page(scene: Scene | None) -> Markdown:
    """The help about the problem at hand."""
    return Markdown(help_text(scene))


def details_page(texts: Iterable[str]) -> Static:
    """Texts as they are: whatever signs are in a traceback, they are words."""
    return Static(Text("\n\n".join(text.strip() for text in texts)), id="details")


def help_text(scene: Scene | None) -> str:
    """The page, about the problem at hand."""
    parts = ["# gdsim: see gradient descent"]
    if scene is not None:
        note = f" {scene.card.note[0].upper()}{scene.card.note[1:]}." if scene.card.note else ""
        parts += [f"## {scene.card.name}: {scene.card.title}", f"{scene.card.sentence}{note}", rates_sentence(scene)]
        if not scene.flat:
            parts += ["## The plane", *(f"- **{kind}**: {sentence}" for kind, sentence in PLANES.items())]
    tries = _FORMULA_TRIES if scene is None or scene.flat else _MODEL_TRIES
    parts += ["## What to try", *(f"- {attempt}" for attempt in tries)]
    parts += ["## The keys", *_key_lines()]
    parts += ["## The marks", *(f"- **{mark}**: {meaning}" for mark, meaning in _MARKS)]
    parts += ["## What is equal", *(f"- **{clock}**: {kind.sentence}" for clock, kind in CLOCKS.items())]
    parts += ["## The table", *(f"- **{column.title}**: {column.meaning}" for column in columns())]
    if scene is not None:
        parts.append(_statuses(scene))
    return "\n\n".join(_joined_lists(parts))


def _statuses(scene: Scene) -> str:
    """What the words of the column of statuses mean."""
    return (
        f"*Converged* means: the gradient over all examples is shorter than {scene.tolerance:g}, so that at a "
        "rate of 1 an update gains some 1e-8: less than anybody will wait for; and the curvature says that it is a "
        "minimum, none better being known. The run goes on. With so short a gradient a run may also be *in a local "
        "minimum*, *at a saddle* or *on a plateau*; where no formula can say which, it is *standing still*. "
        "*Diverged* means: a number overflowed, or a batch's loss was more than a million times the loss at the "
        "start (or than a million, where that is below 1): from there no descent has come back, while single "
        "examples are often a thousand times as bad as the mean."
    )


def rates_sentence(scene: Scene) -> str:
    """Whether the comparison is a fair one: shared rates, or each run's own."""
    runs = [run.config for run in scene.runs]
    if len({(run.lr, run.schedule, run.schedule_updates) for run in runs}) > 1:
        return "Each run has its own learning rate (see the table); the start is shared."
    if runs[0].schedule == "constant":
        return f"All runs share one learning rate, {runs[0].lr:.4g}, and one start."
    course = f"{runs[0].schedule} over {count(runs[0].schedule_updates)} updates"
    return f"All runs share one start and one learning rate, {runs[0].lr:.4g}, which changes by {course} of each run."


def _key_lines() -> Iterable[str]:
    for group, keys in groupby(KEYS, key=lambda key: key.group):
        words = [f"`{key.display or format_key(key.key.split(',')[0])}` {key.words}" for key in keys if key.key]
        yield f"- **{group}**: {' · '.join(words)}"
    yield "- **Also**: `1`–`9` hide or show a run · `tab` next panel · `ctrl+p` palette"


def _joined_lists(parts: list[str]) -> Iterable[str]:
    """Paragraphs, with the items of a list kept together."""
    for is_item, group in groupby(parts, key=lambda part: part.startswith("- ")):
        yield ("\n" if is_item else "\n\n").join(group)
