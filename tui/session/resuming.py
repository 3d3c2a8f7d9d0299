"""A recording that an experiment goes on from, in the same file. Imports no torch."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from sim.experiment.config import Limit
from sim.experiment.errors import ConfigError
from sim.experiment.words import shown_path
from sim.problems.card import card_of
from sim.protocol.answers import Answer, Opened
from sim.protocol.commands import Open
from sim.recording.reader import Recording
from sim.recording.sources import require_same
from sim.recording.writer import Writer
from tui.session.past import Past

_FIRST_WITH_CHECKPOINTS = 2  # version of the schema


class Resumption:
    """A recorded experiment, and what is to be asked and answered where it is opened once more.

    Attributes:
        asked: the experiment, with the end that it is to have now.
        card: of its problem.
        past: what its runs did, where it is wanted.

    Raises:
        ConfigError: for a recording that is damaged.
    """

    def __init__(self, recording: Recording, limit: Limit | None, *, with_past: bool = True) -> None:
        """Find where one goes on that is resumable; the limit is where its runs end now.

        Without the past it can ask, but not answer.
        """
        self.asked = replace(recording.asked, limit=limit)
        self.card = card_of(self.asked.problem)
        self._recorded = recording.opened
        self.past = Past(recording) if with_past else None
        self._resume = recording.resume

    def question(self, command: Open) -> Open:
        """What the engine is asked instead: to go on, as the same backend did on the same device."""
        backend, device = self._recorded.experiment.backend, self._recorded.experiment.device
        return replace(
            command, experiment=replace(command.experiment, backend=backend, device=device), resume=self._resume
        )

    def answer(self, answer: Answer) -> Answer:
        """What comes of that: an experiment that has a past."""
        if not isinstance(answer, Opened):
            return answer
        assert self.past is not None, "it was read"
        news = self.past.news
        plane = news.plane if answer.plane.flat else answer.plane
        return replace(
            answer,
            experiment=replace(answer.experiment, changes=self.past.journal),
            rows=self._recorded.rows,
            plane=self._recorded.plane,
            past=replace(news, plane=plane, finished=False),
        )


def require_resumable(recording: Recording) -> None:
    """See that a recording can go on.

    Raises:
        ConfigError: if not.
    """
    if recording.schema < _FIRST_WITH_CHECKPOINTS:
        shown = shown_path(recording.path)
        raise ConfigError(f"{shown} was written by an older gdsim, and can only be replayed.")
    if recording.asked.problem.refusal:
        raise ConfigError(recording.asked.problem.refusal)
    require_same(recording.files, recording.asked.problem)


def take_up(path: Path, limit: Limit | None, *, limited: bool) -> tuple[Resumption, Writer]:
    """Where a recording goes on, and its writer: no other program can write to it from here on.

    Args:
        path: of the recording.
        limit: where its runs end now; None: as was recorded.
        limited: whether they have to end somewhere.

    Raises:
        ConfigError: for what is no recording, and what cannot go on.
    """
    with ExitStack() as undo:
        recording = Recording(path)
        undo.callback(recording.close)
        require_resumable(recording)
        limit = limit or (recording.asked.limit if limited else None)
        if limited and limit is None:
            raise ConfigError("Say where the runs end now, with --updates, --epochs or --seconds.")
        writer = Writer(path, resumed=True)
        undo.callback(writer.close)
        undo.callback(recording.close)  # first: whoever reads it keeps the log
        resumption = Resumption(recording, limit)
        undo.pop_all()
        return resumption, writer
