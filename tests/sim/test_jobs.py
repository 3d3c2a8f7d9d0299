"""Slow work in pieces, with jobs made of as many pieces as a test wants, and a clock of the test's own."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from sim.experiment.geometry import Window
from sim.jobs import Jobs
from sim.protocol.answers import Failed
from sim.protocol.commands import Job, Survey
from sim.protocol.results import Surveyed

WINDOW = Window(0, 1, 0, 1)


def job(number: int) -> Survey:
    return Survey(WINDOW, number, 1)


A, B, C = job(1), job(2), job(3)


class Pieces:
    """Jobs of pieces that take a second each, by a clock that stands still otherwise.

    Args:
        pieces: for each job whether there is something to be seen after each piece, as a letter: "." for nothing, "o"
            for a picture, "!" for an error. The last piece completes it.
    """

    def __init__(self, pieces: dict[Job, str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.pieces = pieces
        self.now = 0.0
        self.made: list[Job] = []
        self.begun: Counter[Job] = Counter()
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)
        self.jobs = Jobs(lambda error: Failed(str(error)))

    def _begin(self, wanted: Job) -> Iterator[tuple[Surveyed | None, bool]]:
        self.begun[wanted] += 1
        letters = self.pieces[wanted]
        for number, letter in enumerate(letters, start=1):
            self.now += 1.0
            self.made.append(wanted)
            if letter == "!":
                raise ValueError(f"piece {number}")
            yield picture(number / len(letters)) if letter == "o" else None, number == len(letters)

    def work(self, *wanted: Job, budget: float = 100.0) -> tuple[list[tuple[Job, object]], list[Job]]:
        """What came of them, a picture as its progress and an error as its sentence, and what is still to be done."""
        results, pending = self.jobs.work(wanted, budget, self._begin)
        found = [(one, came.sentence if isinstance(came, Failed) else came.progress) for one, came in results]
        return found, pending


def picture(progress: float) -> Surveyed:
    return Surveyed(WINDOW, None, progress)  # type: ignore[arg-type]


def test_jobs_are_done_in_their_order(monkeypatch):
    pieces = Pieces({A: "..o", B: "o", C: ".o"}, monkeypatch)
    found: list[tuple[Job, object]] = []
    pending: list[Job] = [C, A, B]
    while pending:
        results, pending = pieces.work(*pending)
        found += results
    assert found == [(C, 1.0), (A, 1.0), (B, 1.0)]
    assert pieces.made == [C, C, A, A, A, B]


def test_no_further_piece_is_begun_once_the_time_is_up_but_one_always_is(monkeypatch):
    pieces = Pieces({A: ".....o", B: "o"}, monkeypatch)
    assert pieces.work(A, B, budget=0.0) == ([], [A, B])
    assert pieces.made == [A]
    assert pieces.work(A, B, budget=2.5) == ([], [A, B])
    assert pieces.made == [A] * 4
    assert pieces.work(A, B, budget=2.0) == ([(A, 1.0)], [B])
    assert pieces.work(B, budget=0.0) == ([(B, 1.0)], [])


def test_a_job_goes_on_from_where_it_was_left(monkeypatch):
    pieces = Pieces({A: "." * 7 + "o"}, monkeypatch)
    for _ in range(7):
        assert pieces.work(A, budget=0.0) == ([], [A])
    assert pieces.work(A, budget=0.0) == ([(A, 1.0)], [])
    assert pieces.begun[A] == 1


def test_the_first_picture_ends_the_turn_and_later_ones_do_not(monkeypatch):
    pieces = Pieces({A: ".oooo"}, monkeypatch)
    assert pieces.work(A) == ([(A, 0.4)], [A])
    assert pieces.work(A) == ([(A, 1.0)], [])
    assert len(pieces.made) == 5


def test_the_first_picture_is_not_kept_back_by_the_jobs_behind(monkeypatch):
    pieces = Pieces({A: "oooo", B: "....o"}, monkeypatch)
    assert pieces.work(A, B) == ([(A, 0.25)], [A, B])
    assert pieces.made == [A]


def test_of_several_pictures_in_a_turn_the_last_is_sent(monkeypatch):
    pieces = Pieces({A: "ooooooo"}, monkeypatch)
    pieces.work(A)
    assert pieces.work(A, budget=3.0) == ([(A, 4 / 7)], [A])


def test_a_job_that_fails_is_reported_and_the_others_are_done(monkeypatch):
    pieces = Pieces({A: ".!..", B: "..o"}, monkeypatch)
    found: list[tuple[Job, object]] = []
    pending: list[Job] = [A, B]
    while pending:
        results, pending = pieces.work(*pending)
        found += results
    assert found == [(A, "piece 2"), (B, 1.0)]
    assert pieces.work(A, B)[0][0] == (A, "piece 2")  # every time that it is asked for
    assert pieces.begun[A] == 2


def test_a_job_that_calls_sys_exit_fails_too():
    def begin(_job: Job) -> Iterator[tuple[Surveyed | None, bool]]:
        raise SystemExit
        yield

    jobs = Jobs(lambda error: Failed(type(error).__name__))
    assert jobs.work((A,), 1.0, begin) == ([(A, Failed("SystemExit"))], [])


def test_a_job_that_is_not_wanted_any_more_is_dropped(monkeypatch):
    pieces = Pieces({A: "...o", B: "...o"}, monkeypatch)
    pieces.work(A, B, budget=2.0)
    pieces.work(B, budget=1.0)
    assert pieces.work(A) == ([(A, 1.0)], [])
    assert pieces.begun == {A: 2, B: 1}
    assert pieces.made == [A, A, B, A, A, A, A]


def test_what_was_begun_can_be_cleared(monkeypatch):
    pieces = Pieces({A: "...o"}, monkeypatch)
    pieces.work(A, budget=2.0)
    pieces.jobs.clear()
    assert pieces.work(A) == ([(A, 1.0)], [])
    assert pieces.begun[A] == 2


def test_a_job_that_is_complete_is_done_anew_when_it_is_asked_for_again(monkeypatch):
    pieces = Pieces({A: "o"}, monkeypatch)
    for count in (1, 2, 3):
        assert pieces.work(A) == ([(A, 1.0)], [])
        assert pieces.begun[A] == count


def test_a_job_that_ends_with_nothing_to_be_seen_is_complete(monkeypatch):
    pieces = Pieces({A: "", B: "o"}, monkeypatch)
    assert pieces.work(A) == ([], [])
    assert pieces.work(B) == ([(B, 1.0)], [])


def test_without_jobs_there_is_nothing_to_do(monkeypatch):
    assert Pieces({}, monkeypatch).work() == ([], [])
