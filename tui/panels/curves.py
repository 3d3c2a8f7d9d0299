"""One chart of all runs, over updates, epochs, examples or seconds."""

from sim.experiment.choices import Clock
from tui.panels.chart_panel import ChartPanel
from tui.panels.curve_style import after
from tui.panels.plot import fitting
from tui.scene.scene import Scene


class Curves(ChartPanel):
    """The chart over what the race keeps equal, or over what was chosen since."""

    _clock: Clock | None = None

    def next_axis(self) -> None:
        """Draw over something else."""
        self.axis = after(self.axis, ("updates", "epochs", "examples", "seconds"))

    def show(self, scene: Scene) -> None:
        """See `ChartPanel`."""
        if scene.clock != self._clock:
            self._clock = self.axis = scene.clock
        super().show(scene)

    def entitle(self, scene: Scene, log_x: bool) -> None:
        """See `ChartPanel`."""
        scale = f" · {self.curve_style.up}" if self.curve_style.log_up(scene) else ""
        over = f"over {self.axis}{' (log)' if log_x else ''}"
        name = self.curve_style.measure_of(scene).title
        behind = [f"loss, that of batches behind{scale} · {over}"] if name == "loss" else []
        if scene.experiment.seeds > 1:
            behind = [f"median {name}, {share} of the seeds{scale} · {over}" for share in ("10 to 90%", "80%")]
            name = f"median {name}"
        title = fitting([*behind, f"{name}{scale} · {over}", f"{name} {over}"], self.size.width)
        if (title, rates_words(scene)) != (self.border_title, self.border_subtitle):
            self.border_title, self.border_subtitle = title, rates_words(scene)


def rates_words(scene: Scene) -> str:
    """Whether the comparison is fair: one rate for all, each run's own, or one that schedules change."""
    rates = {run.config.lr for run in scene.runs}
    schedules = {run.config.schedule for run in scene.runs}
    if len(rates) > 1 or len(schedules) > 1:
        return "each run has its own rate"
    (rate,), (schedule,) = rates, schedules
    return f"one rate for all: {rate:.4g}" + ("" if schedule == "constant" else f", by {schedule}")
