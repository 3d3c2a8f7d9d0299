"""Answers commands with what the terminal needs to draw an experiment, of which one at a time is open."""

import sys
from contextlib import redirect_stdout

from sim.experiment.journal import Change, ClockChange, Fork, Removal, RunChange
from sim.models.failures import failed
from sim.opening import open_experiment
from sim.protocol.answers import Answer, Failed, Saved
from sim.protocol.commands import Advance, ChangeRun, Command, ForkRun, Open, RemoveRun, Save, SetClock, SetPlane, Work
from sim.under_way import UnderWay


class Engine:
    """The engine, which carries out one experiment at a time. Every command has exactly one answer; none raises."""

    def __init__(self) -> None:
        self._open: UnderWay | None = None

    def ask(self, command: Command) -> Answer:
        """Carry out a command; what goes wrong is an answer, too."""
        try:
            with redirect_stdout(sys.stderr):  # a model may print; stdout is for our own answers
                return self._carry_out(command)
        except (Exception, SystemExit) as error:
            return failed(error)

    def _carry_out(self, command: Command) -> Answer:
        if isinstance(command, Open):
            self._open = None  # its memory may be needed
            self._open, opened = open_experiment(command)
            return opened
        if self._open is None:
            return Failed("No experiment is open.")
        match command:
            case Advance():
                return self._open.advance(command)
            case Save(every):
                return Saved(self._open.checkpoints.begin(every))
            case SetClock() | ChangeRun() | ForkRun() | RemoveRun():
                return self._open.change(_change_of(command, self._open.race.moment))
            case SetPlane():
                return self._open.set_plane(command)
            case Work():
                return self._open.work(command)


def _change_of(command: SetClock | ChangeRun | ForkRun | RemoveRun, moment: int) -> Change:
    """What a command changes after so many moments."""
    match command:
        case SetClock(clock):
            return ClockChange(moment, clock)
        case ChangeRun(run, settings):
            return RunChange(moment, run, settings)
        case ForkRun(run, update, settings):
            return Fork(moment, run, update, settings)
        case RemoveRun(run):
            return Removal(moment, run)
