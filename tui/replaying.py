"""The screen of a recording: the same one, without an engine until one is needed."""

from collections.abc import Mapping, Sized
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.dom import DOMNode

from sim.experiment.errors import ConfigError, choose
from sim.experiment.words import shown_path
from sim.protocol.commands import HISTORY_MEMORY
from sim.recording.reader import Recording
from tui.app import GdsimApp
from tui.gallery import Choice
from tui.panels.surface import Surface
from tui.session.link import Link
from tui.session.playback import NEEDS_ENGINE, STILL_WRITTEN, UNRECORDED, Playback, no_closer_look
from tui.session.replay import Replay

_NEED_ENGINE = {
    *("next_clock", "change_clock", "next_plane"),
    *("switch_problem", "side_by_side", "problems", "reset", "new_seed", "reset_start", "kill_engine", "record"),
}
"""The actions that a recording cannot carry out before an engine was started."""

_SWITCH = {"switch_problem", "side_by_side"}
"""Those of them that need none where there are two recordings."""

_START_ENGINE = {"settings", "scale_rate", "scale_batch", "fork", "remove_run"}
"""Those that start one where the recording ends, once that is sure."""


class ReplayApp(GdsimApp):
    """The app over a recording."""

    SESSION = Replay
    _closely = False  # whether possible steps are to be seen

    def show_beside(self, other: Playback) -> None:
        """Show a second recording, too, where there is room for two; else `m` switches to it."""
        self._other = Replay(other.asked, other.card, other, self.notify, self._came_in, self._memory)

    async def on_mount(self) -> None:
        """Side by side from the start on."""
        if self._other is not None:
            self.call_after_refresh(self.action_side_by_side)

    def _make_room_for(self, runs: Sized) -> None:
        super()._make_room_for(runs)
        if not _has_steps(self.session.link):
            self.screen_stack[0].add_class("-no-lens")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer leaves out what cannot be done."""
        return not self._why_not(action) and super().check_action(action, parameters)

    def _came_in(self) -> None:
        super()._came_in()
        closely = _has_steps(self.session.link)
        if closely != self._closely:
            self._closely = closely
            screen = self.screen_stack[0]
            screen.set_class(screen.has_class("-many") or not closely, "-no-lens")
            self.refresh_bindings()

    def _why_not(self, action: str) -> str:
        """Why something cannot be done just now; "" where it can."""
        link = self.session.link
        if not isinstance(link, Playback) or (action in _SWITCH and self._other is not None):
            return ""
        if link.computes:
            return UNRECORDED if action == "record" else ""
        refusal = link.asked.problem.refusal
        if action == "toggle_lens":
            return "" if _has_steps(link) else no_closer_look(link.asked.problem) if refusal else NEEDS_ENGINE
        if action in _START_ENGINE:
            return refusal or (STILL_WRITTEN if link.state == "being written" else "")
        return (refusal or NEEDS_ENGINE) if action in _NEED_ENGINE else ""

    async def run_action(
        self,
        action: str | tuple[str, str, tuple[Any, ...]],
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Say of a key that cannot do anything here why."""
        _, name, _ = self._parse_action(action, default_namespace or self, namespaces)
        if why_not := self._why_not(name):
            self.notify(why_not)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def show_choice(self, choice: Choice) -> None:
        """Another problem would have to be run."""
        if why_not := self._why_not("problems"):
            self.notify(why_not)
        else:
            super().show_choice(choice)

    def on_surface_start_chosen(self, message: Surface.StartChosen) -> None:
        """Another start would have to be run."""
        if why_not := self._why_not("reset"):
            message.prevent_default()  # Textual calls the handler of the class above, too
            self.notify(why_not)


def _has_steps(link: Link) -> bool:
    """Whether possible steps can be seen: an engine finds them, or some were recorded."""
    return isinstance(link, Playback) and (link.computes or link.looks[0] > 0)


def run_replay(
    path: Path, other: Path | None = None, *, theme: str | None = None, memory: float = HISTORY_MEMORY
) -> int:
    """Show a recording on the screen, or two of the same problem, until the user quits; the exit code.

    Raises:
        ConfigError: for what is no recording that can be read, for two of different problems, or an unknown theme.
    """
    playback = Playback(Recording(path))
    app = ReplayApp(playback.asked, playback.card, playback, playing=True, memory=memory)
    if other is not None:
        second = Playback(Recording(other))
        if second.asked.problem != playback.asked.problem:
            raise ConfigError(
                f"{shown_path(path)} and {shown_path(other)} have different problems; replay one of them."
            )
        for one, file in ((playback, path), (second, other)):
            one.card = replace(one.card, name=file.name)
        app.session.card = playback.card
        app.show_beside(second)
    if theme is not None:
        app.theme = choose(theme, app.available_themes, "theme")
    app.run()
    return app.return_code or 0
