"""The whole screen: once over the real engine; what cannot be done, and the palette, over a replaying link."""

import math
from pathlib import Path

import numpy as np
import pytest
from textual.widgets import OptionList

from sim.experiment.config import Experiment
from sim.experiment.problem import ProblemConfig
from sim.problems import build_formula, registry
from sim.problems.card import card_of
from sim.protocol.answers import Failed
from sim.protocol.commands import Open, Survey
from tests.tui.screen import WIDE, app_of, go, make_app, on_screen, ready, text_of, wait_for
from tests.tui.traces import CARD, ReplayLink, make_experiment, make_race
from tui.app import GdsimApp
from tui.options.asked import prepare
from tui.options.options import Options
from tui.session.banner import Banner
from tui.session.link import InlineLink

# -- the real engine --------------------------------------------------------------------------------------------------


async def test_a_real_trace_goes_through_the_same_panels() -> None:
    card = build_formula(ProblemConfig())
    app = GdsimApp(Experiment(device="cpu"), card_of(ProblemConfig()), InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 25)
        point, x, y = np.array(card.start), card.inputs, card.targets
        for _ in range(25):  # batch descent by hand
            error = point[0] * x + point[1] - y
            point = point - card.lr * 2 * np.array([np.mean(error * x), np.mean(error)])
        loss = np.mean((point[0] * x + point[1] - y) ** 2)
        heading, batch, _, stochastic = text_of(app.query_one("#runs")).split("\n")
        cells = batch[heading.index("updates") :].split()
        assert cells[:3] == ["25", "25.00", "11,050"]
        assert float(cells[3]) == pytest.approx(loss, rel=1e-3)
        distance = math.dist(point, card.minima[0])
        assert float(cells[5]) == pytest.approx(distance, rel=1e-3)
        assert stochastic[heading.index("examples") :].split()[0] == "25"
        this_update = text_of(app.query_one("#this-update"))
        assert "batch update 25 used all 442 examples" in this_update
        assert "0° off · cosine 1.00 · error 0" in this_update
        assert "stochastic update 25 used #" in this_update
        sentence = " ".join(text_of(app.query_one("#sentence")).split())
        assert "the mean of 32 strays about √32 = 5.7 times less, and costs 32 gradients an update." in sentence
        assert "25 updates each · 25–11,050 examples read" in text_of(app_of(pilot).query_one("#status"))


@pytest.mark.parametrize(
    ("problem", "start", "words"),
    [
        ("saddle", "0,0", "at a saddle"),
        ("saddle", "0,1", "converged"),
        ("rastrigin", "1.823,-1.823", "in a local minimum"),
    ],
)
async def test_next_to_no_gradient_is_called_converged_only_at_a_lowest_minimum(
    problem: str, start: str, words: str
) -> None:
    options = Options(start=start, device="cpu")
    app = GdsimApp(*prepare(problem, options), InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 300)
        row = text_of(app.query_one("#runs")).split("\n")[1]
        assert words in row


async def test_what_only_the_engine_knows_of_a_model_is_filled_in(tmp_path: Path) -> None:
    """A regression on 20 examples: SGD at 0.02, and a mini-batch of half the 16 training examples."""
    (tmp_path / "own.py").write_text(
        "import torch\nfrom torch import nn\n\n\ndef model():\n    return nn.Linear(2, 1)\n\n\n"
        "def data():\n    return torch.randn(20, 2), torch.randn(20, 1)\n"
    )
    experiment, card = prepare("linear", Options(model=str(tmp_path / "own.py"), device="cpu"))
    app = GdsimApp(experiment, card, InlineLink(), ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        await go(pilot, 3)
        assert "one rate for all: 0.02" in text_of(app.query_one("#curves"))
        rows = text_of(app.query_one("#runs")).split("\n")
        assert [row.split()[2:4] for row in rows[1:4]] == [["all", "16"], ["8", "sgd"], ["1", "sgd"]]
        await pilot.press("w")
        assert app.clipboard == f"gdsim --model={tmp_path / 'own.py'} --device=cpu"


async def test_what_cannot_be_done_is_said_in_the_shell_where_nothing_ever_stood() -> None:
    app, link = make_app()
    link.instead = [Failed("There is no cuda here; use --device cpu.", config=True)]
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for(pilot, lambda: app.session.banner)
        app.frame()
    assert app.return_code == 2


async def test_nothing_is_asked_for_a_problem_that_is_no_longer_looked_at() -> None:
    experiment = make_experiment()
    link, waiting = ReplayLink(make_race(experiment, 60)), ReplayLink(make_race(experiment, 60))
    waiting.gate.clear()
    app = GdsimApp(experiment, CARD, link, new_link=lambda: waiting, ticking=False)
    async with app.run_test(size=WIDE) as pilot:
        await ready(pilot)
        link.gate.clear()
        await pilot.press("plus")
        app.redraw()
        await wait_for(pilot, lambda: len(link.asked(Survey)) > 1)
        await pilot.press("m")
        link.gate.set()
        await wait_for(pilot, lambda: not app._other.look._working)
        assert len(link.asked(Survey)) <= 3


async def test_what_cannot_be_done_later_is_a_banner() -> None:
    async with on_screen() as it:
        it.link.instead = [Failed("There is no cuda here; use --device cpu.", config=True)]
        await it.press("r")
        await wait_for(it.pilot, lambda: it.app.session.banner)
        it.app.frame()
        await it.pilot.pause()
        assert "There is no cuda here; use --device cpu." in it.text("#banner")
        assert it.app.is_running


# -- what users' code says, as it is ----------------------------------------------------------------------------------


async def test_brackets_in_what_went_wrong_are_shown_as_they_are() -> None:
    words = "ValueError: expected [/batch, n], got [b]x[=3"
    async with on_screen() as it:
        it.app.session.banner = Banner(words, "details")
        it.app.session.notify(words)
        it.app.redraw()
        await it.pilot.pause()
        assert words in " ".join(it.text("#banner").split())


async def test_the_details_have_all_words_however_many() -> None:
    words = " ".join(f"and word {n} of [what] the ~~~~ engine 'printed" for n in range(40))
    async with on_screen() as it:
        it.app.session.banner = Banner("It broke.", words)
        await it.pilot.press("i")
        await wait_for(it.pilot, lambda: it.app.screen.query("#details"))
        await it.pilot.pause()
        assert " ".join(text_of(it.app.screen.query_one("#details")).split()) == f"It broke. {words}"


async def test_the_palette_has_every_action() -> None:
    async with on_screen() as it:
        titles = {command.title for command in it.app.get_system_commands(it.app.screen)}
        assert {
            "Step",
            "Begin again on the next clock",
            "Export what was recorded as CSV",
            "Enlarge the focused panel, and back",
            *(f"Show {name}" for name in registry()),
        } <= titles


async def test_a_problem_can_be_typed_in_the_palette() -> None:
    async with on_screen() as it:
        await it.pilot.press("ctrl+p")
        await it.pilot.press(*"saddle")
        await wait_for(it.pilot, lambda: it.app.screen.query("OptionList").first(OptionList).option_count)
        await it.pilot.press("enter", "enter")
        await wait_for(it.pilot, lambda: len(it.link.asked(Open)) == 2)
        assert it.link.asked(Open)[-1].experiment.problem.name == "saddle"


async def test_shrinking_leaves_no_gap_under_the_table() -> None:
    async with on_screen() as it:
        await it.go(5)
        await it.pilot.resize_terminal(80, 24)
        await it.pilot.pause()
        assert it.app.query_one("#runs").size.height == 1 + len(it.app.session.asked.runs)
