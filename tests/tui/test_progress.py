"""The progress bar, on a terminal and where there is none."""

import io
import re
import sys

import pyte
import pytest

from tui.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        """It says that it is one."""
        return True


def terminal(monkeypatch: pytest.MonkeyPatch, no_color: str = "") -> Terminal:
    """Stderr is a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(sys.stderr, Terminal)
    return sys.stderr


def screen(written: str) -> pyte.Screen:
    """What a terminal makes of it."""
    shown = pyte.Screen(80, 24)
    pyte.Stream(shown).feed(written.replace("\n", "\r\n"))
    return shown


def test_shows_the_percentage_and_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = terminal(monkeypatch)
    with progress() as show:
        for done in (0.0, 0.25, 0.5):
            show(done)
        print("a word of the model's own", file=sys.stderr)
        show(1.0)
        meanwhile = screen(stderr.getvalue())
    assert re.findall(r"(\d+)%", stderr.getvalue())[:4] == ["0", "0", "25", "50"]
    assert [line.split()[0] for line in meanwhile.display[:2]] == ["a", "100%"]
    assert not meanwhile.cursor.hidden
    assert "".join(screen(stderr.getvalue()).display).strip() == "a word of the model's own"
    assert sys.stderr is stderr


@pytest.mark.parametrize("no_color", ["", "1"])
def test_without_colours_where_none_are_wanted(monkeypatch: pytest.MonkeyPatch, no_color: str) -> None:
    stderr = terminal(monkeypatch, no_color)
    with progress() as show:
        show(0.5)
    assert bool(re.search(r"\x1b\[[\d;]*3\d", stderr.getvalue())) == (not no_color)


def test_nothing_is_written_where_no_terminal_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress() as show:
        show(0.5)
    assert capsys.readouterr() == ("", "")
