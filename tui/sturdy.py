"""What goes wrong beside the race does not end it."""

import asyncio
import traceback
from pathlib import Path
from typing import Any

from textual.app import App
from textual.message import Message
from textual.screen import Screen
from textual.worker import WorkerFailed

from tui.spans import SpansScreen

_OURS = (Path(__file__).parent, Path(__file__).parents[1] / "sim")
_DRAWING = ("_compositor_refresh", "_refresh_layout")  # of Textual's `Screen`
_KEPT = 10  # mishaps


class SturdyScreen(SpansScreen):
    """A screen that outlives an exception in the handling of a message."""

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            self.app._handle_exception(error)


class SturdyApp(App[None]):
    """An app that goes on after an exception where it can.

    Textual's own parts raise, the command palette above all, when a key or another size reaches them just as they open
    or close: the key is lost, and a part that broke, with whatever lies over the race, is closed. What goes wrong in
    our own code is reported, and in a test it ends the app. So does, always, what keeps the race from being drawn.

    Attributes:
        mishaps: the tracebacks of what went wrong.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mishaps: list[str] = []

    def get_default_screen(self) -> Screen[object]:
        """The screen of the panels."""
        return SturdyScreen()

    def on_load(self) -> None:
        """Hear of what goes wrong in tasks and callbacks, too."""
        asyncio.get_running_loop().set_exception_handler(self._hear)

    def _hear(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(error := context.get("exception"), Exception):
            self._handle_exception(error)
        else:
            loop.default_exception_handler(context)

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if not self._go_on_after(error, broken=False):
                super()._handle_exception(error)

    def _handle_exception(self, error: Exception) -> None:
        if not self._go_on_after(error, broken=True):
            super()._handle_exception(error)

    def _go_on_after(self, error: Exception, broken: bool) -> bool:
        """Note what went wrong, unless the app must end with it; `broken`: the part in which it did works no more."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        frames = [frame for frame in traceback.extract_tb(cause.__traceback__) if frame.filename != __file__]
        ours = any(Path(frame.filename).is_relative_to(root) for frame in frames for root in _OURS)
        over_the_race = len(self.screen_stack) > 1
        undrawn = any(frame.name in _DRAWING for frame in frames) and not over_the_race
        if not self._is_mounted or undrawn or (ours and self.is_headless and self.screen_stack):
            return False
        details = "".join(traceback.format_exception(cause))
        known = details in self.mishaps
        if not known and len(self.mishaps) < _KEPT:
            self.mishaps.append(details)
        if broken and over_the_race:
            while len(self.screen_stack) > 1:
                self.pop_screen()
            self._notify_of(cause, "What lay over the race was closed")
        elif ours and not known:
            self._notify_of(cause, "Something went wrong beside the race")
        return True

    def _notify_of(self, error: BaseException, what: str) -> None:
        self.notify(f"{what} ({type(error).__name__}). Press i for the details.", severity="warning")
