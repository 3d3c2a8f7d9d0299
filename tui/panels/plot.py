"""A canvas with tick labels to its left and below it: what the surface and the data view have in common."""

from collections.abc import Sequence

from rich.segment import Segment
from textual.geometry import Region
from textual.markup import escape
from textual.strip import Strip
from textual.widget import Widget

from sim.experiment.geometry import Window
from tui.draw.axes import bottom_labels, left_labels
from tui.draw.canvas import Frame, style_of
from tui.draw.palette import Palette
from tui.draw.viewport import Viewport

_LEFT = 7  # columns for the labels of the vertical axis, and the gap beside them
_BELOW = 1
_TITLE_MARGIN = 4  # columns of the content's width that a border keeps beside its title


def fitting(choices: Sequence[str], width: int) -> str:
    """The first of some words that a border of a panel's width has room for, else the last."""
    return next((words for words in choices if len(words) + _TITLE_MARGIN <= width), choices[-1])


class Plot(Widget, can_focus=True):
    """Shows one composed frame at a time, and repaints only the rows in which it differs from the one before."""

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._frame: Frame | None = None
        self._labels: tuple[list[str], str] = ([], "")
        self._palette: Palette | None = None
        self._titles: tuple[str, str] = ("", "")

    def entitle(self, titles: Sequence[str], subtitles: Sequence[str] = ("",)) -> None:
        """Write on the border the first title and the first subtitle that fit, else the last ones.

        The same ones again cost nothing, others paint all of the panel.
        """
        chosen = fitting(titles, self.size.width), fitting(subtitles, self.size.width)
        if chosen != self._titles:
            self._titles = chosen
            self.border_title, self.border_subtitle = (escape(words) for words in chosen)

    @property
    def plot_size(self) -> tuple[int, int]:
        """Columns and rows of the canvas; at least 1 each."""
        return max(1, self.size.width - _LEFT), max(1, self.size.height - _BELOW)

    def viewport(self, window: Window) -> Viewport:
        """A window seen through the canvas."""
        return Viewport(window, *self.plot_size)

    def canvas_cell(self, column: int, row: int) -> tuple[int, int] | None:
        """The canvas's cell at a place of the widget's content; None beside the canvas."""
        columns, rows = self.plot_size
        column -= _LEFT
        return (column, row) if 0 <= column < columns and 0 <= row < rows else None

    def paint(self, frame: Frame, window: Window, palette: Palette) -> None:
        """Show a frame with labels for its window."""
        columns, rows = self.plot_size
        labels = (
            left_labels(window.bottom, window.top, rows, _LEFT - 1),
            bottom_labels(window.left, window.right, columns),
        )
        if labels != self._labels or palette is not self._palette:
            self._labels, self._palette, changed = labels, palette, list(range(self.size.height))
        else:
            changed = frame.changed_rows(self._frame)
        self._frame = frame
        if changed:
            self.refresh(*(Region(0, row, self.size.width, 1) for row in changed))

    def render_line(self, y: int) -> Strip:
        """One row: its label and its part of the frame."""
        if self._frame is None or self._palette is None:
            return Strip.blank(self.size.width)
        style = style_of(self._palette.muted, self._palette.background)
        left, bottom = self._labels
        if y < len(left) and y < len(self._frame.characters):
            label = Strip([Segment(f"{left[y]:>{_LEFT - 1}} ", style)], _LEFT)
            return Strip.join([label, self._frame.strip(y)])
        if y == len(left):
            return Strip([Segment(" " * _LEFT + bottom, style)])
        return Strip.blank(self.size.width, style)
