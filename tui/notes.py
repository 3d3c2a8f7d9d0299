"""Notes over the screen: few at a time, so that they hide little of it."""

from typing import Any

from textual.app import App

_ROWS = 12  # of the terminal, for each note


class NotesApp(App[None]):
    """An app whose newest notes take the room of older ones."""

    def notify(self, message: str, **options: Any) -> None:
        """See `App`."""
        super().notify(message, **options)
        most = max(1, self.size.height // _ROWS)
        for note in list(self._notifications)[:-most]:
            self._unnotify(note)
