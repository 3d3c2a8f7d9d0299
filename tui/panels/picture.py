"""A composed frame in a panel, of which only what changes is written to the terminal."""

from textual.color import TRANSPARENT
from textual.filter import ANSIToTruecolor
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

    @property
    def inner(self) -> Region:
        """Where in the widget its content is; `size` would look up where on the screen the widget is."""
        return self.outer_size.region.shrink(self.styles.gutter)

    def show_frame(self, frame: Frame) -> None:
        """Show a frame of the size of the panel's content."""
        changes, self._frame = frame.changes(self._frame), frame
        if changes:
            self.refresh(*(Region(begin, row, end - begin, 1) for row, begin, end in changes))

    def render_lines(self, crop: Region) -> list[Strip]:
        """See `Widget`; what lies within the border is cut from the frame, since whole rows would cost far more."""
        inner = self.inner
        if self._frame is None or not inner.contains_region(crop):
            return super().render_lines(crop)
        left, top, right, bottom = crop.translate((-inner.x, -inner.y)).corners
        strips = [self._frame.strip(row, left, right) for row in range(top, bottom)]
        for line_filter in self.get_line_filters():
            if not isinstance(line_filter, ANSIToTruecolor):  # all colours are true ones
                strips = [strip.apply_filter(line_filter, TRANSPARENT) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """One row of the frame; a blank one, of the theme's background, where there is none."""
        if self._frame is None or y >= len(self._frame.characters):
            return Strip.blank(self.size.width, self.rich_style)
        return self._frame.strip(y)
