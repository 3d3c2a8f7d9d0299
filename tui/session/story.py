"""All that an experiment was so far, as answers that say it at once: what a recording that begins late has of it."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sim.protocol.answers import Advanced, Answer, Changed, Worked
from sim.protocol.commands import Advance, Command, Open, SetClock, Survey, Work
from sim.protocol.trace import Rows
from tui.session.history import History
from tui.session.session import Session


def story_of(session: Session) -> Iterator[tuple[Command, Answer]]:
    """Commands with their answers, of an experiment that stands."""
    opened, history, trails = session.opened, session.history, session.trails
    assert opened is not None
    assert history is not None
    assert trails is not None
    session.catch_up()
    yield Open(session.asked), replace(opened, past=None)
    yield (
        Advance(history.end, np.inf, 0.0),
        Advanced(
            rows=_in_order(session, history),
            covered=0.0,
            finished=session.finished,
            plane=trails.whole,
            lineages=session.lineages,
            troubles=tuple(session.troubles.values()),
        ),
    )
    yield SetClock(session.clock), Changed(session.journal, session.lineages)
    if (seen := session.look.landscape) is not None:
        rows, columns = seen.values.shape
        job = Survey(seen.window, columns, rows, seen.run)
        yield Work((job,), 0.0), Worked(((job, seen),), ())


def _in_order(session: Session, history: History) -> Rows:
    """The rows after the start in the order of their moments; what a fork has in common is its parent's alone."""
    rows = history.all_rows()
    begun = np.array([lineage.update for lineage in session.lineages])
    own: Rows = rows[rows["update"] > begun[rows["run"]]]
    in_order: Rows = own[np.argsort(own["moment"], kind="stable")]
    return in_order
