"""A session in trouble: what it says, what it keeps, and how it goes on."""

from sim.protocol.answers import Advanced, Failed, Trouble, Worked
from sim.protocol.commands import Open, Survey
from sim.protocol.trace import NO_ROWS
from tests.tui.traces import FORMULA, ReplayLink, make_experiment
from tests.tui.watched import Watched, settle, stand
from tui.session.asking import Phase
from tui.session.link import EngineGoneError, StaleError

SURVEY = Survey(FORMULA.window, 4, 4)


def fail(it: Watched, sentence: str) -> None:
    """Have the next landscape fail."""
    it.link.instead = [Worked(((SURVEY, Failed(sentence)),), ())]


async def look(it: Watched) -> None:
    """Want a landscape."""
    it.session.look.wanted = SURVEY
    it.session.look.go_on()
    await settle()


async def test_when_the_engine_is_gone_a_banner_says_so_and_reset_starts_it_again() -> None:
    it = await stand()
    await it.step(5)
    it.session.player.toggle()
    it.link.kill()
    await it.frame(0.5)
    banner = it.session.banner
    assert banner is not None
    assert banner.sentence == "The engine was ended by SIGKILL. Press r to start it again."
    assert banner.details == "its last words"
    assert banner.dead
    assert not it.session.player.playing
    assert it.history.end == 5  # still there to look at
    it.session.reset()
    await settle()
    assert it.session.banner is None
    await it.step(1)
    assert it.history.end == 1


async def test_an_engine_that_the_user_stopped_is_said_to_be_stopped() -> None:
    it = await stand()
    it.session.player.toggle()
    it.link.instead = [EngineGoneError("The engine was ended by SIGKILL.", "")] * 2
    it.link.gate.clear()
    await it.frame(0.5)
    it.session.look.go_on()
    it.session.kill()
    it.link.gate.set()
    await settle()
    await it.frame()
    assert it.session.banner is not None
    assert it.session.banner.sentence == "You stopped the engine. Press r to start it again."


async def test_a_landscape_that_fails_is_reported_and_training_goes_on() -> None:
    it = await stand()
    fail(it, "weights too large")
    await look(it)
    assert it.notified == ["No landscape: weights too large"]
    await look(it)
    assert len(it.link.asked(Survey)) == 1
    assert it.session.banner is None
    await it.step(2)
    assert it.history.end == 2


async def test_an_engine_that_dies_while_nothing_is_asked_of_it_is_missed_all_the_same() -> None:
    it = await stand()
    it.link.dead = True
    it.session.frame(0.03)
    assert it.session.banner is not None
    assert it.session.banner.dead
    it.session.reset()
    await settle()
    assert it.session.banner is None


async def test_what_is_chosen_while_the_engine_is_gone_holds_when_it_begins_again() -> None:
    it = await stand()
    it.session.kill()
    await it.step(1)
    it.session.set_clock("seconds")
    await look(it)
    assert it.session.look.landscape is None
    assert it.session.banner is not None
    assert it.session.banner.dead
    it.session.reset()
    await settle()
    last = it.link.commands[-1]
    assert isinstance(last, Open)
    assert last.experiment.clock == "seconds"


async def test_a_failure_is_a_banner_and_the_engine_lives_on() -> None:
    it = await stand()
    it.link.instead = [Failed("Out of memory; a smaller batch may fit.", "a traceback")]
    it.session.player.toggle()
    await it.frame(0.5)
    assert it.session.banner is not None
    assert it.session.banner.sentence == "Out of memory; a smaller batch may fit."
    assert not it.session.banner.dead
    assert not it.session.player.playing
    await it.frame(0.5)
    assert len(it.advances()) == 1
    it.session.reset()
    await settle()
    assert it.session.banner is None


async def test_an_experiment_that_cannot_be_opened() -> None:
    it = Watched(make_experiment(), 5, ReplayLink)
    it.link.instead = [Failed("No CUDA here.", config=True)]
    await it.session.open()
    assert it.session.history is None
    assert it.session.banner is not None
    assert it.session.banner.sentence == "No CUDA here."


async def test_a_stale_answer_is_dropped() -> None:
    it = await stand()
    it.link.instead = [StaleError()]
    await it.step(1)
    assert it.session.banner is None
    assert it.history.end == 0
    await it.step(1)
    assert it.history.end == 1


async def test_when_every_run_has_stopped_it_pauses_and_says_so() -> None:
    it = await stand(until=5)
    it.session.player.toggle()
    await it.frame(1.0)
    assert it.session.finished
    assert it.history.end == 5
    await it.frame(1.0)
    assert not it.session.player.playing
    assert it.notified == ["Every run has stopped; press r to begin again."]
    it.session.reset()
    await settle()
    assert not it.session.finished


async def test_a_run_that_fails_is_reported() -> None:
    it = await stand()
    news = it.race.news(NO_ROWS, [0, 0, 0])
    it.link.instead = [
        Advanced(NO_ROWS, 0.0, False, news, it.session.lineages, (Trouble(1, "Run 'mini-batch' ran out."),))
    ]
    await it.step(1)
    assert it.notified == ["Run 'mini-batch' ran out."]


async def test_nothing_plays_where_nothing_could_be_opened() -> None:
    it = await stand()
    await it.step(3)
    it.link.instead = [Failed("There is no file own.py.", config=True)]
    it.session.reset()
    await settle()
    it.notified.clear()
    it.session.toggle_play()
    it.session.look.answers_wanted = True
    await look(it)
    await it.frame(1.0)
    assert not it.session.player.playing
    assert it.notified == ["Nothing can play as things are; press r to begin again."]
    assert isinstance(it.link.commands[-1], Open)
    it.session.reset()
    assert it.session.banner is None
    assert it.session.phase is Phase.STARTING
    await settle()
    assert it.session.phase is Phase.STANDING
    it.session.toggle_play()
    assert it.session.player.playing


async def test_what_a_failed_run_said_already_is_not_said_again() -> None:
    it = await stand()
    it.session.troubles[0] = Trouble(0, "Run 'batch' stopped at update 3: RuntimeError: late (own.py, line 5).")
    fail(it, "RuntimeError: late (own.py, line 5).")
    await look(it)
    assert it.notified == []
