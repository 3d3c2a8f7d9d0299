"""A composed frame in a panel, of which only what changes is written to the terminal."""

from textual.color import TRANSPARENT
from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.strip import Strip

from tui.draw.frame import Frame
from tui.panels.cells import Cells


class Picture(Cells, can_focus=True):
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

    def cells(self, part: Region) -> list[Strip] | None:
        """See `Cells`."""
        if self._frame is None:
            return None
        strips = [self._frame.strip(row, part.x, part.right) for row in range(part.y, part.bottom)]
        for line_filter in self.get_line_filters():
            if not isinstance(line_filter, ANSIToTruecolor):  # all colours are true ones
                strips = [strip.apply_filter(line_filter, TRANSPARENT) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """One row of the frame; a blank one, of the theme's background, where there is none."""
        if self._frame is None or y >= len(self._frame.characters):
            return Strip.blank(self.size.width, self.rich_style)
        return self._frame.strip(y)
