"""A canvas with tick labels to its left and below it: what the surface and the data view have in common."""

from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len
from textual.markup import escape

from sim.experiment.geometry import Window
from tui.draw.axes import bottom_labels, left_labels
from tui.draw.frame import Frame
from tui.draw.palette import Palette
from tui.draw.viewport import Viewport
from tui.panels.picture import Picture

_LEFT = 7  # columns for the labels of the vertical axis, and the gap beside them
_BELOW = 1
_TITLE_MARGIN = 4  # columns of the content's width that a border keeps beside its title


def fitting(choices: Sequence[str], width: int) -> str:
    """The first of some words that a border of a panel's width has room for, else the last."""
    return next((words for words in choices if cell_len(words) + _TITLE_MARGIN <= width), choices[-1])


class Plot(Picture):
    """A picture of a window of the plane, with labels at its axes and titles on its border."""

    _titles: tuple[str, str] = ("", "")

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
        width, height = self.inner.size
        return max(1, width - _LEFT), max(1, height - _BELOW)

    def viewport(self, window: Window) -> Viewport:
        """A window seen through the canvas."""
        return Viewport(window, *self.plot_size)

    def canvas_cell(self, column: int, row: int) -> tuple[int, int] | None:
        """The canvas's cell at a position in the widget's content; None beside the canvas."""
        columns, rows = self.plot_size
        column -= _LEFT
        return (column, row) if 0 <= column < columns and 0 <= row < rows else None

    def paint(self, frame: Frame, window: Window, palette: Palette) -> None:
        """Show a frame with labels for its window."""
        labels = _labels(window, *self.plot_size, palette.muted, palette.background)
        self.show_frame(labels.with_inset(frame, 0, _LEFT))


@lru_cache(maxsize=8)
def _labels(window: Window, columns: int, rows: int, ink: int, background: int) -> Frame:
    """The labels for a window, around a canvas of so many columns and rows."""
    left = left_labels(window.bottom, window.top, rows, _LEFT - 1)
    lines = [f"{label:>{_LEFT - 1}} {'':{columns}}" for label in left]
    below = " " * _LEFT + bottom_labels(window.left, window.right, columns)
    return Frame.of_text([*lines, below], ink, background)
