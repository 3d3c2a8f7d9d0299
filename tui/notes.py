"""Notes over the screen: few at a time, so that they hide little of it."""

from textual.app import App
from textual.notifications import Notify

_ROWS = 12  # of the terminal, for each note


class NotesApp(App[None]):
    """An app whose newest notes take the room of older ones."""

    def _on_notify(self, event: Notify) -> None:
        event.prevent_default()  # else it would be counted before it is there
        super()._on_notify(event)
        most = max(1, self.size.height // _ROWS)
        for note in list(self._notifications)[:-most]:
            self._unnotify(note)
