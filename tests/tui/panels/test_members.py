"""The members of a run as a density over the landscape."""

from types import SimpleNamespace

import numpy as np

from sim.experiment.geometry import Window
from sim.protocol.answers import Members
from tui.draw.canvas import Canvas
from tui.draw.viewport import Viewport
from tui.panels.on_the_ground import draw_members

GROUND, COLOR, FADED = 0x000020, 0xFF8000, 0x804000


def test_the_more_members_the_more_of_the_run_s_colour_and_none_elsewhere() -> None:
    canvas, view = Canvas(4, 2, GROUND), Viewport(Window(0.0, 4.0, 0.0, 2.0), 4, 2)
    points = [(0.1, 1.9)] * 9 + [(2.1, 0.9), (9.0, 9.0), (np.nan, np.inf)]  # the last two are not to be seen
    run = SimpleNamespace(members=Members(np.array(points), np.zeros(len(points), np.uint8)), color=COLOR, faded=FADED)
    draw_members(canvas, view, run)  # type: ignore[arg-type]
    red = canvas._halves >> 16
    assert red[0, 0, 0] > 2 * red[1, 0, 2] > 0
    assert np.count_nonzero(canvas._halves != GROUND) == 2
    frame = canvas.frame()
    assert np.count_nonzero(frame.fg == FADED) == 2
