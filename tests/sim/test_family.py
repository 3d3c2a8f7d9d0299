"""Whatever a process started ends with it, even in a session of its own and without its parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from sim import family
from tests.patience import PATIENCE
from tests.processes import runs, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descendants are known on Linux only")

STARTER = """
import os, signal, subprocess, sys
from sim import family

family.adopt_orphans()
sleep = ["sleep", "1000"]
started = [
    subprocess.Popen(sleep).pid,
    subprocess.Popen(sleep, start_new_session=True).pid,
    int(subprocess.check_output("setsid sleep 1000 >&- & echo $!", shell=True)),  # its parent, the shell, ends at once
]
print(*started, flush=True)
{then}
"""


@pytest.fixture
def start() -> Iterator[Callable[[str], tuple[subprocess.Popen[str], list[int]]]]:
    started: list[subprocess.Popen[str]] = []
    left: list[int] = []

    def start_and_report(then: str) -> tuple[subprocess.Popen[str], list[int]]:
        code = [sys.executable, "-c", STARTER.format(then=then)]
        started.append(subprocess.Popen(code, stdout=subprocess.PIPE, text=True, start_new_session=True))
        assert started[-1].stdout is not None
        left.extend(map(int, started[-1].stdout.readline().split()))
        return started[-1], list(left)

    yield start_and_report
    for number in filter(runs, [process.pid for process in started] + left):
        os.kill(number, signal.SIGKILL)
    for process in started:
        process.communicate()


def test_descendants_are_found_in_whatever_session(start) -> None:
    process, started = start("signal.pause()")
    assert family.descendants(process.pid) == set(started)
    assert process.pid in family.descendants(os.getpid())


def test_all_end_with_it(start) -> None:
    process, started = start("signal.pause()")
    family.end(process.pid)
    assert process.wait(PATIENCE) == -signal.SIGKILL
    wait_until(lambda: not any(map(runs, started)))


def test_all_end_with_it_when_it_ends_itself(start) -> None:
    process, started = start("family.end(os.getpid())")
    assert process.wait(PATIENCE) == -signal.SIGKILL
    wait_until(lambda: not any(map(runs, started)))


def test_what_keeps_starting_others_ends(start) -> None:
    process, started = start("while True: subprocess.Popen(sleep, start_new_session=True)")
    family.end(process.pid)
    assert process.wait(PATIENCE) == -signal.SIGKILL
    assert not family.descendants(process.pid)
    wait_until(lambda: not any(map(runs, started)))


def test_what_has_ended_already_is_no_error(start) -> None:
    process, started = start("")
    process.wait(PATIENCE)
    family.end(process.pid)
    assert not family.descendants(process.pid)
    assert all(map(runs, started)), "they are nobody's any more, and nobody is mistaken for them"
