"""The runs of an experiment, kept equal in something, and what was changed on the way."""

import math
import time
from collections.abc import Sequence

import numpy as np
import torch

from sim.descent.clock import counted_turns, timed_turn
from sim.descent.pace import count_to
from sim.descent.race_state import Progress, RaceState
from sim.descent.racer import MakeStepper, Racer
from sim.descent.retention import reported
from sim.descent.rows import clock_number, closed_up, in_order, rows_of, start_rows, thinned
from sim.descent.runs import Runs
from sim.descent.stepper import Block
from sim.experiment.choices import CLOCKS, Clock
from sim.experiment.errors import ConfigError
from sim.experiment.journal import Change, ClockChange, Fork, Journal, Removal, RunChange, noted
from sim.experiment.resolved import Resolved
from sim.measures.measure import Passes
from sim.protocol.answers import Trouble
from sim.protocol.commands import Retention
from sim.protocol.trace import Rows

_FIRST_CHUNK, _GROWTH = 64, 4  # moments; and how many times as many the next chunk may be
_LONGEST_CHUNK = 65_536  # moments whose columns fit into memory that was used before: the first use of a page is dear


class Race(Runs):
    """The runs of one experiment, and all in the engine that changes as they go on.

    Attributes:
        clock: what counts now.
        moment: how many moments there were.
        position: where the clock stands, in its own unit.
        journal: what was changed since the start, and what is still to be.
    """

    def __init__(
        self, experiment: Resolved, make: MakeStepper, passes: Passes, retention: Retention, *, keep_all: bool
    ) -> None:
        """Have every run at its start.

        Args:
            experiment: which runs.
            make: makes the stepper of a run.
            passes: what was found at the start.
            retention: how much to keep.
            keep_all: whether snapshots stay once they were sent, since they may have to be projected anew.
        """
        super().__init__(experiment, make, passes, retention.memory, keep_all=keep_all)
        self.clock: Clock = experiment.clock
        self.moment = 0
        self.position = 0.0
        self.journal: Journal = experiment.changes
        self._changed = 0  # of the journal's changes, those that were made
        self._most_rows, self._keep_all = retention.rows, keep_all
        self._passes = passes
        self._turn: tuple[int, float] | None = None
        self._pace = 0.0  # moments a second, as last measured; 0 before anything was
        self._chunk = _FIRST_CHUNK

    def start(self) -> Rows:
        """Update 0 of each run: where it begins, and the figures there."""
        return start_rows(len(self._racers), self.row, self.clock, self._passes)

    # -- time ---------------------------------------------------------------------------------------------------------

    def advance(self, moments: int, span: float, budget: float) -> Progress:
        """Go on for some moments, at most so far on the clock, at most for so many seconds of wall time."""
        deadline = time.perf_counter() + budget
        blocks, troubles, covered = [self._no_rows], list[Trouble](), 0.0
        left, changed, until = moments, self._changed, self.position + span
        while left > 0:
            self._change_if_due()
            if self._changed != changed:  # the clock may stand elsewhere then
                changed, until = self._changed, self.position + span - covered
            left_over = deadline - time.perf_counter()
            affordable = self._pace * left_over if self._pace else 1.0
            if len(blocks) > 1 and (left_over <= 0 or affordable < 0.5):
                break
            began = self.position
            coming = min(left, max(1.0, affordable))
            most = min(coming, self._chunk, self._moments_to_change)
            rows, planned, failed = self._go(int(most), until, moments - left + coming)
            if not planned:
                break
            blocks.append(rows)
            troubles += failed
            left -= planned
            covered += self.position - began
        self._change_if_due()
        return Progress(thinned(np.concatenate(blocks), len(self._racers), self._most_rows), covered, tuple(troubles))

    def _go(self, moments: int, until: float, all_moments: float) -> tuple[Rows, int, list[Trouble]]:
        """Carry out at most so many moments, of so many that share an answer's rows.

        What is reported of them, how many were planned, and what went wrong.
        """
        began = time.perf_counter()
        advance = self._go_timed if CLOCKS[self.clock].measured else self._go_counted
        blocks, planned, troubles = advance(moments, until, all_moments)
        self._pace = planned / (time.perf_counter() - began) if planned else self._pace
        self._chunk = min(_LONGEST_CHUNK, max(self._chunk, _GROWTH * planned))
        rows = in_order([self._no_rows, *blocks])
        self.moment = max(self.moment, int(rows["moment"].max(initial=0)))
        return rows, planned, troubles

    def _go_counted(self, moments: int, until: float, all_moments: float) -> tuple[list[Rows], int, list[Trouble]]:
        column = CLOCKS[self.clock].column
        racers = [racer for racer in self._racers if racer.left > 0]
        completions = [
            racer.course.counter(column, count_to(int(min(moments, racer.left)), np.int64) + racer.state.update)
            for racer in racers
        ]
        turns = counted_turns(completions, moments, until)
        blocks = [racers[turn.racer].advance(len(turn.moments), math.inf) for turn in turns]
        ordinals = [turn.moments[: len(block)] for turn, block in zip(turns, blocks, strict=True)]
        if any(len(block) < len(turn.moments) for turn, block in zip(turns, blocks, strict=True)):
            ordinals = closed_up(ordinals)  # a run has stopped: moments at which it alone was to go are none
        rows = [
            self._rows(racers[turn.racer], block, moments_made, turn.positions[: len(block)], all_moments)
            for turn, block, moments_made in zip(turns, blocks, ordinals, strict=True)
        ]
        reached = (turn.positions[: len(block)] for turn, block in zip(turns, blocks, strict=True))
        self.position = max([self.position, *(float(made[-1]) for made in reached if len(made))])
        planned = max((int(turn.moments[-1]) for turn in turns), default=0)
        return rows, planned, [block.trouble for block in blocks if block.trouble]

    def _go_timed(self, moments: int, until: float, all_moments: float) -> tuple[list[Rows], int, list[Trouble]]:
        seconds = {racer.course.index: racer.state.seconds for racer in self._racers if racer.left > 0}
        turn = self._turn
        if turn is None or seconds.get(turn[0], math.inf) >= min(turn[1], until):
            turn = timed_turn(seconds)
        if turn is None or seconds[turn[0]] >= until:
            return [], 0, []
        racer, self._turn = self._racers[turn[0]], turn
        block = racer.advance(moments, min(turn[1], until))
        if racer.left > 0:
            seconds[turn[0]] = racer.state.seconds
        else:
            del seconds[turn[0]]
        others = min((spent for index, spent in seconds.items() if index != turn[0]), default=math.inf)
        positions = np.maximum(self.position, np.minimum(block.seconds, others))
        self.position = max(self.position, min(seconds.values(), default=racer.state.seconds))
        made = len(block)
        rows = self._rows(racer, block, count_to(made, np.int64), positions, all_moments)
        return [rows], max(made, 1), [block.trouble] if block.trouble else []

    def _rows(self, racer: Racer, block: Block, moments: np.ndarray, positions: np.ndarray, all_moments: float) -> Rows:
        """The updates of a block that are reported: its share. Their snapshots, or those due, are kept."""
        if not len(block):
            return self._no_rows
        most = None if self._most_rows is None else math.ceil(self._most_rows * min(1.0, len(block) / all_moments))
        some = reported(block.measures, most)
        rows = rows_of(block, racer.course, self.row, some)
        rows["clock"], rows["seconds"] = clock_number(self.clock), block.seconds[some]
        rows["moment"], rows["position"] = self.moment + moments[some], positions[some]
        if self._keep_all:
            racer.snapshots.take(block.kept, block.snapshots)
        else:
            racer.snapshots.take(block.first + some, torch.from_numpy(block.snapshots.numpy()[some]))
        return rows

    @property
    def _no_rows(self) -> Rows:
        return np.empty(0, self.row)

    # -- changes ------------------------------------------------------------------------------------------------------

    def change(self, change: Change) -> None:
        """Change something at the present moment.

        Raises:
            ConfigError: for what cannot be; nothing has changed then.
        """
        self._change_if_due()
        if isinstance(change, RunChange) and self.named(change.run).state.status.stopped:
            raise ConfigError(f"{change.run} has stopped, so that nothing would come of it; go back and fork it there.")
        self._carry_out(change)
        self.journal = noted(self.journal[: self._changed], change)
        self._changed = len(self.journal)

    @property
    def _moments_to_change(self) -> float:
        coming = self.journal[self._changed :]
        return coming[0].moment - self.moment if coming else math.inf

    def _change_if_due(self) -> None:
        while self._moments_to_change <= 0:
            self._carry_out(self.journal[self._changed])
            self._changed += 1

    def _carry_out(self, change: Change) -> None:
        match change:
            case ClockChange(clock=clock):
                if clock != self.clock:
                    self._follow(clock)
            case RunChange():
                self.change_run(change)
                self._pace = 0.0
            case Fork():
                self.fork(change)
                self._follow(self.clock)  # from the run that is furthest behind, which this may well be
            case Removal():
                self.remove(change)
                self._follow(self.clock)  # nobody waits for it

    def _follow(self, clock: Clock) -> None:
        self.clock, self._turn, self._pace = clock, None, 0.0
        counters = [self._counter(racer) for racer in self._racers if racer.left > 0]
        self.position = min(counters, default=0.0)

    def _counter(self, racer: Racer) -> float:
        """Where a run stands on the clock."""
        state, kind = racer.state, CLOCKS[self.clock]
        if kind.measured:
            return state.seconds
        return float(racer.course.counter(kind.column, np.array([state.update]))[0])

    @property
    def events(self) -> object:
        """What is another value wherever the race did more than go on: after a change, or where a run has stopped."""
        return self._changed, len(self.journal), self.finished, [racer.state.status.stopped for racer in self._racers]

    # -- the whole state ----------------------------------------------------------------------------------------------

    @property
    def state(self) -> RaceState:
        """All that the future depends on."""
        return RaceState(
            runs=tuple(racer.reached for racer in self._racers),
            snapshots=tuple(self.snapshots),
            clock=self.clock,
            moment=self.moment,
            position=self.position,
            turn=self._turn,
            journal=self.journal,
            changed=self._changed,
            lineages=self.lineages,
        )

    def restore(self, state: RaceState) -> None:
        """Go on from there, as if nothing had happened since."""
        self.clock, self.moment, self.position, self.journal = state.clock, state.moment, state.position, state.journal
        self._turn = state.turn
        self._changed = state.changed
        self.restore_runs(state.runs, state.snapshots, state.lineages, self.journal[: self._changed])

    def make_again(self, ends: Sequence[tuple[int, float]], moment: int, position: float) -> None:
        """Go on to where the runs are known to have come by a moment, nothing being changed on the way.

        Args:
            ends: for each run the update, and the seconds that it had spent by then.
            moment, position: which moment, and where the clock stood.

        Raises:
            ConfigError: if a run does not come that far now.
        """
        for racer, (update, seconds) in zip(self._racers, ends, strict=True):
            racer.make_again(update, seconds, keep_all=self._keep_all)
        if moment > self.moment:
            self.moment, self.position, self._turn = moment, position, None
