"""Notes over the screen: few at a time, so that they hide little of it."""

from textual.app import App
from textual.notifications import Notify, SeverityLevel

_ROWS = 12  # of the terminal, for each note


class NotesApp(App[None]):
    """An app whose newest notes take the room of older ones."""

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """See `App`; but what is said is text as it stands, since names may hold brackets."""
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def _on_notify(self, event: Notify) -> None:
        event.prevent_default()  # else it would be counted before it is there
        super()._on_notify(event)
        most = max(1, self.size.height // _ROWS)
        for note in list(self._notifications)[:-most]:
            self._unnotify(note)
