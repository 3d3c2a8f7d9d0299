"""A panel that is asked for those of its cells that changed."""

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Cells(Widget):
    """A widget that gives any cells of its content: Textual renders whole rows, which costs far more."""

    @property
    def inner(self) -> Region:
        """Where in the widget its content is; `size` would look up where on the screen the widget is."""
        return self.outer_size.region.shrink(self.styles.gutter)

    def cells(self, row: int, begin: int, end: int) -> Strip | None:
        """The cells of a row of the content from one column to before another one; None: Textual is to render them."""
        raise NotImplementedError

    def render_lines(self, crop: Region) -> list[Strip]:
        """See `Widget`."""
        inner = self.inner
        if crop.height == 1 and inner.contains_region(crop):
            column, row = crop.offset - inner.offset
            strip = self.cells(row, column, column + crop.width)
            if strip is not None:
                return [strip]
        return super().render_lines(crop)
