"""Text in a panel, painted only when it says something else."""

from rich.text import Text
from textual.widgets import Static


class Words(Static):
    """Most of what is said at one frame is said at the next, and painting costs more than comparing."""

    _said: Text | None = None

    def say(self, text: Text) -> None:
        """Show a text."""
        if text != self._said:
            self._said = text
            self.update(text, layout=False)
