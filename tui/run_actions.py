"""Changes while the race is on: the keys that change a run, fork it, or open its settings."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from textual.app import App

from sim.experiment.journal import Settings
from sim.experiment.resolved import Run, Stage
from tui.session.session import Session

if TYPE_CHECKING:
    from tui.settings import SettingsRequest


class RunActions(App[None]):
    """The actions that change the selected run.

    Attributes:
        session: the experiment on the screen.
    """

    session: Session

    @property
    def _selected(self) -> Stage | None:
        """The settings that the selected run goes on with from the cursor; None while no experiment stands."""
        session, index = self.session, self.session.look.selected
        if session.history is None or not session.lineages:
            return None
        lineage = session.lineages[index]
        return lineage.stages[-1] if session.history.live else lineage.after(session.history.updates[index])

    def action_scale_rate(self, factor: float) -> None:
        """Multiply its learning rate."""
        self._in_turn(lambda stage: self._change({"lr": stage.run.lr * factor}))

    def action_scale_batch(self, factor: float) -> None:
        """Multiply its batch size, between one example and all."""
        self._in_turn(lambda stage: self._scale_batch(stage.run, factor))

    def action_fork(self) -> None:
        """Have it go on a second time from where it is at the cursor."""
        self._in_turn(lambda _stage: self.session.fork(self.session.look.selected, {}))

    def action_remove_run(self) -> None:
        """Have it go on no more."""
        self._in_turn(lambda _stage: self.session.remove(self.session.look.selected))

    def action_settings(self) -> None:
        """See and change all of its settings."""
        from tui.settings import SettingsScreen  # which the first frame does not wait for

        if (stage := self._selected) is not None:
            screen = SettingsScreen(stage.asked, stage.run, self.session.experiment.facts)
            self.push_screen(screen, self._take_request)

    def _take_request(self, request: "SettingsRequest | None") -> None:
        if request is not None:
            self._in_turn(lambda stage: self._carry_out(request, stage))

    async def _carry_out(self, request: "SettingsRequest", stage: Stage) -> None:
        session, selected = self.session, self.session.look.selected
        match request.what:
            case "this run":
                await session.change_run(selected, request.settings)
            case "all runs":
                await session.change_all(request.settings)
            case "fork":
                await session.fork(selected, request.settings)
            case "from the start":
                asked = asdict(replace(stage.asked, **request.settings))
                await session.fork(
                    selected, {key: asked[key] for key in asked if key != "name" or key in request.settings}, update=0
                )

    async def _change(self, settings: Settings) -> None:
        await self.session.change_run(self.session.look.selected, settings)

    async def _scale_batch(self, run: Run, factor: float) -> None:
        examples = self.session.experiment.examples
        size = min(examples, max(1, int(run.batch_size * factor)))
        if size == run.batch_size:
            self.notify(f"A batch of {run.name} has 1 to {examples} examples.")
        else:
            await self._change({"batch_size": size})

    def _in_turn(self, change: Callable[[Stage], Awaitable[None]]) -> None:
        """Change the selected run once what was asked for before is done: keys may come faster than the engine."""

        async def wait_and_change() -> None:
            async with self.session.changing:
                if (stage := self._selected) is not None:
                    await change(stage)

        self.session.spawn(wait_and_change())
