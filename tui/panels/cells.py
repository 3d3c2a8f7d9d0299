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

    def cells(self, part: Region) -> list[Strip] | None:
        """The cells of a part of the content, a strip for each row; None: Textual is to render them."""
        raise NotImplementedError

    def render_lines(self, crop: Region) -> list[Strip]:
        """See `Widget`."""
        inner = self.inner
        strips = self.cells(crop.translate(-inner.offset)) if inner.contains_region(crop) else None
        return super().render_lines(crop) if strips is None else strips
