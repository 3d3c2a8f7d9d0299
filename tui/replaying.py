"""The screen of a recording: the same one, without an engine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual.dom import DOMNode

from sim.experiment.errors import choose
from sim.protocol.commands import HISTORY_MEMORY
from sim.recording.reader import Recording
from tui.app import GdsimApp
from tui.gallery import Choice
from tui.panels.surface import Surface
from tui.session.playback import NEEDS_ENGINE, Playback
from tui.session.replay import Replay

_NEED_ENGINE = {
    *("next_clock", "change_clock", "toggle_lens", "next_plane"),
    *("switch_problem", "side_by_side", "problems", "reset", "new_seed", "reset_start", "kill_engine"),
    *("settings", "scale_rate", "scale_batch", "fork"),
}
"""The actions that a recording cannot carry out."""


class ReplayApp(GdsimApp):
    """The app over a recording."""

    SESSION = Replay

    def _show_session(self) -> None:
        super()._show_session()
        self.screen.add_class("-no-lens")  # there are no possible steps to be magnified

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer leaves out what cannot be done."""
        return action not in _NEED_ENGINE and super().check_action(action, parameters)

    async def run_action(
        self,
        action: str | tuple[str, str, tuple[Any, ...]],
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Say of a key that cannot do anything here why."""
        _, name, _ = self._parse_action(action, default_namespace or self, namespaces)
        if name in _NEED_ENGINE:
            self.notify(NEEDS_ENGINE)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def show_choice(self, choice: Choice) -> None:  # noqa: ARG002
        """Another problem would have to be run."""
        self.notify(NEEDS_ENGINE)

    def on_surface_start_chosen(self, message: Surface.StartChosen) -> None:
        """Another start would have to be run."""
        message.prevent_default()  # Textual calls the handler of the class above, too
        self.notify(NEEDS_ENGINE)


def run_replay(path: Path, *, theme: str | None = None, memory: float = HISTORY_MEMORY) -> int:
    """Show a recording on the screen until the user quits; the exit code.

    Raises:
        ConfigError: for what is no recording that can be read, or an unknown theme.
    """
    playback = Playback(Recording(path))
    app = ReplayApp(playback.asked, playback.card, playback, playing=True, memory=memory)
    if theme is not None:
        app.theme = choose(theme, app.available_themes, "theme")
    app.run()
    return app.return_code or 0
