"""Slow work in pieces between updates: landscapes, closer looks, answers."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sim.protocol.answers import Failed
from sim.protocol.commands import Job
from sim.protocol.results import Result

Piecewise = Iterator[tuple[Result | None, bool]]
"""Yields after each piece what came of the job so far (None: nothing to be seen), and whether it is complete."""


@dataclass(slots=True)
class _Begun:
    pieces: Piecewise
    seen: bool = False


class Jobs:
    """The jobs that were begun, each of which goes on from where it was left.

    Args:
        failed: what to answer where one raises.
    """

    def __init__(self, failed: Callable[[BaseException], Failed]) -> None:
        self._failed = failed
        self._begun: dict[Job, _Begun] = {}

    def clear(self) -> None:
        """Drop what was begun."""
        self._begun.clear()

    def awaits(self, kind: type[Job]) -> bool:
        """Whether a job of a kind was begun of which nothing could be seen yet."""
        return any(isinstance(job, kind) and not begun.seen for job, begun in self._begun.items())

    def work(
        self, jobs: tuple[Job, ...], budget: float, begin: Callable[[Job], Piecewise]
    ) -> tuple[list[tuple[Job, Result | Failed]], list[Job]]:
        """Go on with jobs, in their order, for some seconds; what came of them, and those that are not complete.

        It ends early where a job has something to be seen for the first time. `begin` says how to do a job.
        """
        deadline = time.perf_counter() + budget
        self._begun = {job: self._begun.get(job) or _Begun(begin(job)) for job in jobs}
        results: list[tuple[Job, Result | Failed]] = []
        pending = list(jobs)
        for job in jobs:
            was_seen = self._begun[job].seen
            result, complete = self._go_on(job, deadline)
            if result is not None:
                results.append((job, result))
            first_seen = self._begun[job].seen and not was_seen
            if complete:
                pending.remove(job)
                del self._begun[job]
            if time.perf_counter() >= deadline or (first_seen and not complete):
                break
        return results, pending

    def _go_on(self, job: Job, deadline: float) -> tuple[Result | Failed | None, bool]:
        begun = self._begun[job]
        result: Result | None = None
        try:
            for result, complete in begun.pieces:
                first, begun.seen = result is not None and not begun.seen, begun.seen or result is not None
                if complete or first or time.perf_counter() >= deadline:
                    return result, complete
        except (Exception, SystemExit) as error:
            return self._failed(error), True
        return result, True
