"""Changes while the race is on: the keys that change a run, fork it, or open its settings."""

from textual.app import App

from sim.experiment.resolved import Run
from tui.session.session import Session
from tui.settings import Request, SettingsScreen


class LiveControls(App[None]):
    """The actions that change the selected run.

    Attributes:
        session: the experiment on the screen.
    """

    session: Session

    @property
    def _selected(self) -> Run | None:
        """The settings that the selected run goes on with from the cursor; None while no experiment stands."""
        session, index = self.session, self.session.look.selected
        if session.history is None or not session.lineages:
            return None
        lineage = session.lineages[index]
        return lineage.newest if session.history.live else lineage.after(session.history.updates[index])

    def action_scale_rate(self, factor: float) -> None:
        """Multiply its learning rate."""
        if (run := self._selected) is not None:
            self.session.change_run(self.session.look.selected, {"lr": run.lr * factor})

    def action_scale_batch(self, factor: float) -> None:
        """Multiply its batch size, between one example and all."""
        if (run := self._selected) is None:
            return
        examples = self.session.experiment.examples
        size = min(examples, max(1, int(run.batch_size * factor)))
        if size == run.batch_size:
            self.notify(f"A batch of {run.name} has 1 to {examples} examples.")
        else:
            self.session.change_run(self.session.look.selected, {"batch_size": size})

    def action_fork(self) -> None:
        """Have it go on a second time from where it is at the cursor."""
        if self._selected is not None:
            self.session.fork(self.session.look.selected, {})

    def action_settings(self) -> None:
        """See and change all of its settings."""
        if (run := self._selected) is not None:
            index = self.session.look.selected
            screen = SettingsScreen(self.session.settings[index], run, self.session.experiment.facts)
            self.push_screen(screen, self._take_request)

    def _take_request(self, request: Request | None) -> None:
        if request is None:
            return
        session, selected = self.session, self.session.look.selected
        match request.what:
            case "this run":
                session.change_run(selected, request.settings)
            case "all runs":
                for index in range(len(session.lineages)):
                    session.change_run(index, request.settings)
            case "fork":
                session.fork(selected, request.settings)
            case "from the start":
                session.fork(selected, request.settings, update=0)
