"""What is changed of an experiment on its way: its runs, by the keys, and those that are forked off."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from sim.experiment.config import Experiment, RunConfig
from sim.experiment.journal import ClockChange, Journal, Removal, Settings
from sim.experiment.resolved import Lineage
from sim.protocol.answers import Changed, Refused
from sim.protocol.commands import ChangeRun, ForkRun, RemoveRun
from tui.session.asking import Asking
from tui.session.change_words import begins_early, change_sentence
from tui.session.closer_look import CloserLook
from tui.session.history import History
from tui.session.link import Link
from tui.session.trails import PlaneTrails


class Changing(Asking):
    """An experiment whose runs are changed while it is under way; `Session` has the rest.

    Attributes:
        asked: the experiment as it was asked for; a new one begins as it says.
        journal: what was changed on the way, or will be.
        lineages: the runs, those that were forked off among them.
        changing: is held by whoever changes a run, since the next change goes by what came of it.
    """

    history: History | None
    trails: PlaneTrails | None
    look: CloserLook
    finished: bool

    def __init__(self, asked: Experiment, link: Link, notify: Callable[[str], None]) -> None:
        super().__init__(link, notify)
        self.asked = asked
        self.journal: Journal = asked.changes
        self.lineages: tuple[Lineage, ...] = ()
        self.changing = asyncio.Lock()

    def catch_up(self) -> None:
        """Record all that the engine has answered."""
        raise NotImplementedError

    @property
    def reproduced(self) -> Experiment:
        """The experiment that would go just as this one did."""
        first = [change for change in self.journal if isinstance(change, ClockChange) and change.moment == 0]
        rest = tuple(change for change in self.journal if change not in first)
        return replace(self.asked, clock=first[0].clock if first else self.asked.clock, changes=rest)

    @property
    def settings(self) -> tuple[RunConfig, ...]:
        """The runs as they were asked for, with all that was changed since."""
        there = (lineage for index, lineage in enumerate(self.lineages) if index not in self.removed)
        return tuple(lineage.stages[-1].asked for lineage in there) or self.asked.runs

    @property
    def removed(self) -> tuple[int, ...]:
        """The indices of the runs that were removed, in that order."""
        end = self.history.end if self.history is not None else 0
        names = [change.run for change in self.journal if isinstance(change, Removal) and change.moment <= end]
        indices = {lineage.newest.name: index for index, lineage in enumerate(self.lineages)}
        return tuple(indices[name] for name in names if name in indices)

    @property
    def there(self) -> tuple[int, ...]:
        """The indices of those that were not."""
        return tuple(index for index in range(len(self.lineages)) if index not in self.removed)

    async def change_run(self, index: int, settings: Settings) -> None:
        """Have a run go on with other settings; where the cursor is in the past, a fork of it."""
        if self.history is not None and not self.history.live:
            await self.fork(index, settings)
        elif self.lineages:
            await self._change(ChangeRun(self.lineages[index].newest.name, settings))

    async def change_all(self, settings: Settings) -> None:
        """The same for every run; in the past, a fork of each."""
        if self.history is None:
            return
        updates = None if self.history.live else self.history.updates
        for index in self.there:
            if updates is None:
                await self.change_run(index, settings)
            else:
                await self.fork(index, settings, updates[index])

    async def fork(self, index: int, settings: Settings, update: int | None = None) -> None:
        """Have a run go on a second time, in another way or just so: from an update, or else from the cursor."""
        if self.history is not None and self.lineages:
            name = self.lineages[index].newest.name
            named = {"name": self._free_name(name), **settings}
            begin = self.history.updates[index] if update is None else update
            await self._change(ForkRun(name, begin, named))

    async def remove(self, index: int) -> None:
        """Have a run go on no more, and show it no more, wherever the cursor is."""
        name = self.lineages[index].newest.name
        answer = await self.ask(RemoveRun(name))
        if isinstance(answer, Refused):
            self.notify(answer.sentence)
        elif isinstance(answer, Changed):
            self.catch_up()
            self.journal = answer.journal
            self.look.selected = max((other for other in self.there if other < index), default=self.there[0])
            self.notify(f"{name} is removed.")

    def _free_name(self, name: str) -> str:
        """A name for one run more: that of its parent with the next number."""
        base = re.sub(r" \d+$", "", name)
        names = {lineage.newest.name for lineage in self.lineages}
        return next(one for one in (f"{base} {number}" for number in count(2)) if one not in names)

    async def _change(self, command: ChangeRun | ForkRun) -> None:
        answer = await self.ask(command)
        if isinstance(answer, Refused):
            self.notify(answer.sentence)
        elif isinstance(answer, Changed) and self.history is not None and self.trails is not None:
            before, self.journal = self.lineages, answer.journal
            self.catch_up()
            for lineage in answer.lineages[len(before) :]:
                self.trails.fork(lineage)
            self.branch(answer.lineages, self.history)
            if isinstance(command, ForkRun):
                self._show_fork(self.history)
            else:
                (index,) = (at for at, one in enumerate(before) if one.newest.name == command.run)
                now, updates = self.lineages[index].newest, self.history.updates
                self.notify(change_sentence(before[index].newest, now, updates[index]))

    def _show_fork(self, history: History) -> None:
        """Go to where the newest run begins, beside those that have come further, and select it."""
        lineage = self.lineages[-1]
        assert lineage.parent is not None
        parent = self.lineages[lineage.parent]
        begun = parent.after(lineage.update).run
        self.notify(change_sentence(begun, lineage.newest, lineage.update, parent.newest.name))
        history.seek_live()
        self.look.selected = len(self.lineages) - 1
        self.player.owed = 0.0
        self.finished = False

    def branch(self, lineages: tuple[Lineage, ...], history: History) -> None:
        """Take over the runs as the engine has them, those that were forked off among them."""
        for lineage in lineages[len(self.lineages) :]:
            history.fork(lineage)
            if words := begins_early(lineage, lineages, self.journal):
                self.notify(words)
        self.lineages = lineages
