"""The engine as a process: it answers, it dies with its parent's end of the pipe, and it can be started again."""

import asyncio
import math
import os
import signal
import subprocess
import sys

import pytest

from sim.experiment.config import Experiment
from sim.protocol.answers import Advanced, Changed, Opened, Reply
from sim.protocol.commands import Advance, Open
from tests.processes import wait_until
from tui.session.engine_process import EngineProcess
from tui.session.link import EngineGoneError, ProcessLink, StaleError

in_one_loop = pytest.mark.asyncio(loop_scope="module")


def alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def link():
    """One for all tests, each of which leaves it with an engine that stands."""
    link = ProcessLink(EngineProcess())
    yield link
    link.kill()


@in_one_loop
async def test_it_answers_dies_and_is_started_again(link):
    assert isinstance(await link.request(Open(Experiment())), Opened)
    assert isinstance(await link.request(Advance(3, math.inf, 60.0)), Advanced)
    first = link.process_id
    pending = asyncio.ensure_future(link.request(Advance(10**9, math.inf, 600.0)))
    await asyncio.sleep(0)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(EngineGoneError, match="SIGKILL"):
        await pending
    assert not alive(first)
    assert "SIGKILL" in str(link.gone)
    assert isinstance(await link.request(Open(Experiment())), Opened)
    assert link.process_id != first
    assert link.gone is None


@in_one_loop
async def test_what_is_stopped_is_started_again_at_once(link):
    await link.request(Open(Experiment()))
    first = link.process_id
    pending = asyncio.ensure_future(link.request(Advance(10**9, math.inf, 600.0)))
    await asyncio.sleep(0)
    number = max(link._waiting)
    link.kill()
    link._settle(
        Reply(number, 1, Changed((), ()))
    )  # on its way when the engine was stopped: nobody waits for it any more
    assert link.process_id is None
    assert isinstance(await link.request(Open(Experiment())), Opened)
    assert link.process_id != first
    with pytest.raises(EngineGoneError, match="SIGKILL"):
        await pending


@in_one_loop
async def test_a_process_that_died_before_anything_was_asked_is_gone():
    process = EngineProcess()
    os.kill(process.process_id, signal.SIGKILL)
    with pytest.raises(EngineGoneError, match="SIGKILL"):
        await ProcessLink(process).request(Open(Experiment()))


@in_one_loop
async def test_an_answer_about_an_older_experiment_is_stale(link):
    await link.request(Open(Experiment()))
    old = asyncio.ensure_future(link.request(Advance(9, math.inf, 60.0)))
    new = asyncio.ensure_future(link.request(Open(Experiment(seed=1))))
    with pytest.raises(StaleError):
        await old
    assert isinstance(await new, Opened)


PARENT = """
import asyncio, math
from sim.protocol.commands import Advance, Open
from sim.experiment.config import Experiment
from tui.session.link import ProcessLink

async def main():
    link = ProcessLink()
    await link.request(Open(Experiment()))
    work = asyncio.ensure_future(link.request(Advance(10**9, math.inf, 600.0)))
    await asyncio.sleep(0)
    print(link.process_id, flush=True)
    await work

asyncio.run(main())
"""


def test_it_ends_when_its_parent_is_killed_even_while_it_works():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    engine = int(parent.stdout.readline())
    assert alive(engine)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not alive(engine))
