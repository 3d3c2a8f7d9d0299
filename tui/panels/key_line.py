"""The line of keys along the bottom."""

from textual.widgets import Footer
from textual.widgets._footer import FooterLabel


class KeyLine(Footer):
    """A footer that leaves out a key for which there is no room, rather than cut it."""

    async def recompose(self) -> None:
        """See `Widget`."""
        await super().recompose()
        self.call_after_refresh(self._leave_out)

    def on_resize(self) -> None:
        """Another width has room for other keys."""
        self.call_after_refresh(self._leave_out)

    def watch_virtual_size(self) -> None:
        """So have other gaps between them."""
        self.call_after_refresh(self._leave_out)

    def _leave_out(self) -> None:
        """Show what is whole: a key, or a group of keys with the words after it."""
        palette = [key for key in self.children if key.has_class("-command-palette") and key.display]
        end = min((key.region.x for key in palette), default=self.region.right)
        keys = [key for key in self.children if key not in palette]
        for key, beside in zip(keys, [*keys[1:], None], strict=True):
            last = beside if isinstance(beside, FooterLabel) else key
            key.visible = last.region.right <= end
