"""The parts of a recording, and the replay that reads them as they are looked at, against all of its rows at once."""

import asyncio
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sim.experiment.errors import ConfigError
from sim.protocol.trace import Rows, forked
from sim.recording import parts
from sim.recording.reader import Recording
from tests.patience import PATIENCE
from tui import cli
from tui.session.asking import Phase
from tui.session.link import InlineLink
from tui.session.playback import Playback
from tui.session.recorded_link import RecordedLink
from tui.session.replay import Replay
from tui.session.resuming import take_up
from tui.session.session import Session

_MEMORY = 8e6  # bytes: the record has room for some 700 rows of these 1,900

CHANGES = (
    *("--change", "moment=50,run=batch,lr=0.05", "--change", "moment=300,clock=examples"),
    *("--change", "moment=310,fork=mini-batch,update=40,name=small,batch_size=8"),
)
RACES = {
    "two parameters": ("sine", *CHANGES),
    "a model": ("--model", "mlp", "--dataset", "iris", "--hidden", "4", "--backend", "torch", *CHANGES),
}

WITHIN_A_PART = """
SELECT rowid, moment FROM trace WHERE moment > 200
AND moment NOT IN (SELECT moment FROM trace JOIN parts ON trace.rowid IN (newest, evaluated))
"""  # where parts end depends on how fast they were written, and at their ends they are read at once


@dataclass
class Recorded:
    """A recording, and all that is in it.

    Attributes:
        path: of the file.
        rows: of each run, its past before it was forked among them.
        points: where it was, by run and update.
    """

    path: Path
    rows: list[Rows]
    points: dict[tuple[int, int], tuple[float, float]]

    @property
    def end(self) -> int:
        """The last moment."""
        return max(int(rows["moment"][-1]) for rows in self.rows)


@pytest.fixture(scope="module", params=RACES)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Made in two goes, in parts of some fifty rows."""
    folder = tmp_path_factory.mktemp("recorded")
    path = folder / "race.gdsim"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        patch.setattr(parts, "_ROWS", 50)
        assert cli.main(["run", *RACES[request.param], "--updates=350", "--record", str(path)]) == 0
        assert cli.main(["run", "--resume", str(path), "--updates=500"]) == 0
    with closing(Recording(path)) as recording:
        every = np.concatenate([recording.opened.rows, recording.news().rows])
        rows = list[Rows]()
        for index, lineage in enumerate(recording.lineages):
            past = [] if lineage.parent is None else [forked(rows[lineage.parent], lineage, index)]
            rows.append(np.concatenate([*past, every[every["run"] == index]]))
    with closing(sqlite3.connect(path)) as database:
        found = database.execute('SELECT run, "update", x, y FROM points').fetchall()
    return Recorded(path, rows, {(run, update): (x, y) for run, update, x, y in found})


def found_at(rows: Rows, moment: int) -> list[np.void]:
    """The row in which a moment finds a run, and the one with its last loss."""
    seen = rows[rows["moment"] <= moment]
    return [seen[-1], seen[~np.isnan(seen["loss"])][-1]]


def test_all_of_it_is_in_parts_and_news(recorded: Recorded) -> None:
    with closing(Recording(recorded.path)) as recording:
        overview, ends = recording.overview(), recording.part_ends
        assert len(ends) > 15
        news = recording.news()
        excerpts = [recording.part(number) for number in range(len(ends))]
    begins = [-1, *ends[:-1]]
    read = [one.rows[one.rows["moment"] > begin] for one, begin in zip(excerpts, begins, strict=True)]
    assert [int(rows["moment"].max()) for rows in read] == ends.tolist()
    every = np.concatenate([*read, news.rows])
    for run, rows in enumerate(recorded.rows):
        own = every[every["run"] == run]
        assert own.tobytes() == rows[-len(own) :].tobytes()
    np.testing.assert_array_equal(overview.moments, ends)
    flat = news.plane.flat
    for excerpt in (overview, *excerpts):
        for row, (x, y, _) in zip(excerpt.rows, excerpt.points, strict=True):
            assert (x, y) == recorded.points[int(row["run"]), int(row["update"])] if flat else np.isnan(x)
        for moment in excerpt.moments.tolist():
            for run, rows in enumerate(recorded.rows[:3]):  # the past of a fork is its parent's
                there = excerpt.rows[excerpt.rows["run"] == run]
                for ours, theirs in zip(found_at(there, moment), found_at(rows, moment), strict=True):
                    assert ours.tobytes() == theirs.tobytes()


def test_where_the_runs_have_come_to_is_found_without_reading_all(recorded: Recorded) -> None:
    with closing(Recording(recorded.path)) as recording:
        for rows, found in zip(recorded.rows, recording.ends, strict=True):
            last, evaluated = found_at(rows, int(rows["moment"][-1]))
            assert found[-1].tobytes() == last.tobytes()
            assert found[0].tobytes() == evaluated.tobytes()
        assert recording.count == sum(map(len, recorded.rows))


async def pass_time(session: Session, until: Callable[[], bool]) -> None:
    """Let parts be read until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline, "waited in vain"
        session.frame(0.0)
        await asyncio.sleep(0.001)


def is_there(session: Session) -> bool:
    """Whether what is looked at was read."""
    assert session.reading is not None
    assert session.history is not None
    assert session.link.past is not None
    needed = session.reading.parts.needed(session.history, session.link.past.part_ends)
    return not session.reading.busy and needed is None


def is_all_recorded(replay: Replay) -> bool:
    """Whether all of it was read."""
    assert replay.reading is not None
    return len(replay.reading.parts._recorded) == len(replay.link.past.part_ends)


def opened(path: Path) -> Replay:
    """A replay in little memory, that is to be opened."""
    playback = Playback(Recording(path))
    return Replay(playback.asked, playback.card, playback, lambda _: None, memory=_MEMORY)


async def look_at(session: Session, moments: Iterable[int], recorded: Recorded) -> None:
    """See that all is there at some moments, as it was recorded."""
    history, trails = session.history, session.trails
    assert history is not None
    assert trails is not None
    for moment in moments:
        history.seek_to(moment)
        await pass_time(session, lambda: is_there(session))
        assert history.cursor == moment
        for run, rows in enumerate(recorded.rows):
            row, evaluated = found_at(rows, moment)
            assert history.seen(run)[-1].tobytes() == row.tobytes()
            assert history.evaluated(run)["loss"] == evaluated["loss"]
            point = recorded.points.get((run, int(row["update"])))
            assert point is None or trails.point_after(run, int(row["update"])) == point
    assert history.thinnings


async def test_wherever_one_looks_it_is_exact(recorded: Recorded) -> None:
    replay = opened(recorded.path)
    await replay.open()
    assert replay.history is not None
    assert (replay.history.cursor, replay.history.end) == (0, recorded.end), "known before what is between"
    some = random.Random(3)
    await look_at(replay, [0, recorded.end, *(some.randint(1, recorded.end) for _ in range(60))], recorded)
    replay.link.kill()


async def test_a_race_that_goes_on_has_its_past_beside_what_it_does(recorded: Recorded, tmp_path: Path) -> None:
    resumption, writer = take_up(Path(shutil.copy(recorded.path, tmp_path)), None, limited=False)
    link = RecordedLink(InlineLink(), lambda _: None, writer, resumption)
    session = Session(resumption.asked, resumption.card, link, lambda _: None, memory=_MEMORY / 2)
    await session.open()
    history = session.history
    assert history is not None
    assert (history.cursor, history.end) == (recorded.end, recorded.end)
    session.step(9)
    await pass_time(session, lambda: history.live and history.end == recorded.end + 9)
    some = random.Random(4)
    end = int(link.past.part_ends[-1]) if link.past is not None else 0
    await look_at(session, [0, end, *(some.randint(1, end) for _ in range(20))], recorded)
    await link.end()
    assert not list(tmp_path.glob("*-wal")), "who reads the recording keeps nobody from ending it"
    history.thin([np.full((len(history.recorded(run)), 2), np.nan) for run in range(len(recorded.rows))])
    await look_at(session, [end // 2], recorded)
    link.kill()


async def test_its_extremes_are_there_once_all_was_read(recorded: Recorded) -> None:
    replay = opened(recorded.path)
    await replay.open()
    history = replay.history
    assert history is not None
    await pass_time(replay, lambda: is_all_recorded(replay))
    for run, rows in enumerate(recorded.rows):
        for name in ("batch_loss", "grad_norm"):
            assert np.nanmax(history.recorded(run)[name]) == np.nanmax(rows[name])
            assert np.nanmin(history.recorded(run)[name]) == np.nanmin(rows[name])
    replay.link.kill()


async def test_a_part_that_is_damaged_says_so(recorded: Recorded, tmp_path: Path) -> None:
    path = Path(shutil.copy(recorded.path, tmp_path))
    with closing(sqlite3.connect(path)) as database, database:
        rowid, moment = database.execute(WITHIN_A_PART).fetchone()
        database.execute("UPDATE trace SET clock = 7 WHERE rowid = ?", [rowid])
    replay = opened(path)
    await replay.open()
    assert replay.history is not None
    replay.history.seek_to(moment)
    await pass_time(replay, lambda: replay.phase is Phase.BROKEN)
    assert replay.banner is not None
    assert replay.banner.sentence == f"{path} is damaged: what it says of the runs cannot be."
    replay.link.kill()


@pytest.mark.parametrize(
    "damage",
    ["UPDATE parts SET newest = newest + 1e12", "UPDATE parts SET newest = 3", "UPDATE parts SET run = 40 + run"],
)
def test_parts_that_make_no_sense(recorded: Recorded, tmp_path: Path, damage: str) -> None:
    path = Path(shutil.copy(recorded.path, tmp_path))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(damage)
    with closing(Recording(path)) as recording, pytest.raises(ConfigError, match="is damaged"):
        recording.overview()
