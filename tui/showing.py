"""A race on the screen until the user quits: its app, its engine, and where it is recorded."""

from pathlib import Path
from typing import TYPE_CHECKING

from sim.experiment.config import Experiment
from sim.experiment.errors import choose
from sim.problems.card import Card
from sim.protocol.commands import HISTORY_MEMORY
from tui.app import GdsimApp
from tui.session.engine_process import EngineProcess
from tui.session.link import Link, ProcessLink
from tui.session.recorded_link import RecordedLink

if TYPE_CHECKING:
    from sim.recording.writer import Writer
    from tui.session.resuming import Resumption


def run_app(
    experiment: Experiment,
    card: Card,
    engine: EngineProcess,
    *,
    theme: str | None = None,
    record: Path | None = None,
    memory: float = HISTORY_MEMORY,
    resumed: "tuple[Resumption, Writer] | None" = None,
) -> int:
    """Show an experiment on the screen until the user quits; the exit code.

    Args:
        experiment: resolved.
        card: of its problem.
        engine: one that was started already.
        theme: its name.
        record: where it is recorded; None: nowhere.
        memory: bytes for what is kept of the past of each race.
        resumed: the recording that it goes on from, and its writer; None: it begins.

    Raises:
        ConfigError: for an unknown theme.
    """
    links: list[RecordedLink] = []

    def new_link() -> Link:
        process = ProcessLink(None if links else engine)
        resumption, writer = (None, _new_writer(record)) if links or resumed is None else resumed
        links.append(RecordedLink(process, lambda text: app.notify(text), writer, resumption))
        return links[-1]

    app = GdsimApp(experiment, card, new_link(), new_link=new_link, playing=resumed is None, memory=memory)
    try:
        if theme is not None:
            app.theme = choose(theme, app.available_themes, "theme")
        app.run()
    finally:
        for link in links:
            link.kill()
            link.close()
    return app.return_code or 0


def _new_writer(record: Path | None) -> "Writer | None":
    if record is None:
        return None
    from sim.recording.writer import Writer  # and SQLite, which the first frame does not wait for

    return Writer(record)
