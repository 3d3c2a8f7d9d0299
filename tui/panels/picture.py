"""A composed frame in a panel, of which only what changes is written to the terminal."""

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.draw.frame import Frame


class Picture(Widget, can_focus=True):
    """A widget that shows one frame at a time, and repaints only the cells in which it differs from the one before."""

    DEFAULT_CLASSES = "framed"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._frame: Frame | None = None

    def show_frame(self, frame: Frame) -> None:
        """Show a frame of the size of the panel's content."""
        changes, self._frame = frame.changes(self._frame), frame
        if changes:
            self.refresh(*(Region(begin, row, end - begin, 1) for row, begin, end in changes))

    def render_line(self, y: int) -> Strip:
        """One row of the frame; a blank one, of the theme's background, where there is none."""
        if self._frame is None or y >= len(self._frame.characters):
            return Strip.blank(self.size.width, self.rich_style)
        return self._frame.strip(y)
