"""The real program, `python -m tui`, in a pseudo-terminal: what it shows, what it does, and what it leaves behind."""

import contextlib
import fcntl
import math
import os
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from tests.patience import PATIENCE
from tests.processes import runs, wait_until

ROOT = Path(__file__).parents[1]
ENTER_SCREEN, LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"
MODES = (b"?1000", b"?1003", b"?1006", b"?2004")  # mouse reports and bracketed paste

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")


class Terminal:
    """The program in a terminal of 120 x 40 cells, and all that it wrote.

    Attributes:
        rate: bytes a second that the terminal takes at most.
    """

    def __init__(self, settings: Path, *arguments: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GDSIM_")}
        environment |= {"TERM": "xterm-256color", "XDG_CONFIG_HOME": str(settings), "PYTHONPATH": str(ROOT)}
        for name in ("NO_COLOR", "COLUMNS", "LINES"):  # the last two would fix the size, whatever the terminal's is
            environment.pop(name, None)
        self.screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        self.child = pexpect.spawn(
            sys.executable, ["-m", "tui", *arguments], cwd=str(settings), env=environment, dimensions=(40, 120)
        )
        self.processes: set[int] = set()
        self.rate = math.inf
        self._ready_at = 0.0

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(self.screen.display)

    @property
    def update(self) -> int:
        """The counter in the status line."""
        found = re.search(r"([\d,]+) updates? ", self.screen.display[0])
        return int(found[1].replace(",", "")) if found else -1

    @property
    def waiting(self) -> int:
        """Bytes that the terminal could take in."""
        return int(struct.unpack("i", fcntl.ioctl(self.child.child_fd, termios.FIONREAD, bytes(4)))[0])

    def read(self) -> bool:
        """Take in what was written meanwhile; whether there may be more."""
        time.sleep(max(0.0, self._ready_at - time.monotonic()))
        try:
            data = self.child.read_nonblocking(1024 if self.rate < math.inf else 65536, timeout=0.05)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.written += data
        self._ready_at = time.monotonic() + len(data) / self.rate
        # pyte takes the private marker of xterm's key and colour protocols for a plain sequence
        self._stream.feed(re.sub(rb"\x1b\[[<>=][\d;:]*[a-zA-Z]", b"", data))
        return True

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Take in what is written until something holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            alive = self.read()
            assert time.monotonic() < deadline, f"{what} did not come:\n{self.text}"
            assert alive or condition(), f"{what} did not come before the end:\n{self.text}"

    def see(self, pattern: str) -> None:
        """Wait until the screen shows a pattern."""
        self.wait(lambda: re.search(pattern, self.text), pattern)

    def settle(self) -> None:
        """Wait until nothing is written any more."""
        size = -1
        while len(self.written) > size:
            size = len(self.written)
            for _ in range(10):
                self.read()

    def press(self, keys: str) -> None:
        """Type."""
        self.child.send(keys)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal."""
        self.screen.resize(rows, columns)
        self.screen.reset()
        self.child.setwinsize(rows, columns)

    def play(self) -> None:
        """Wait until the race is on, and note which processes it has."""
        self.see(r"▶ 20 updates/s")
        self.wait(lambda: self.update > 2, "an update")
        self.processes = family(self.child.pid)

    def pause(self) -> int:
        """Pause, wait until all is still, and return the counter."""
        self.press(" ")
        self.see("‖ paused")
        self.settle()
        return self.update

    def finish(self) -> int:
        """Wait until the program ends; its exit code."""
        self.wait(lambda: not self.read(), "the end")
        return int(self.child.wait())

    def hang_up(self) -> None:
        """Close the terminal, as by closing its window."""
        self.child.ptyproc.fileobj.close()
        self.child.closed = self.child.ptyproc.closed = True

    def assert_nothing_is_left(self) -> None:
        """No process of it is there any more."""
        assert len(self.processes) >= 2, "the program and its engine were seen"
        deadline = time.monotonic() + PATIENCE
        while left := {process for process in self.processes if runs(process)}:
            assert time.monotonic() < deadline, f"still there: {left}"
            self.read()

    def assert_as_before(self, *, stood: bool = True) -> None:
        """The terminal is in the modes it was in; where the screen never stood, some were not switched on."""
        for mode, back in ((ENTER_SCREEN, LEAVE_SCREEN), (HIDE_CURSOR, SHOW_CURSOR)):
            assert mode in self.written
            assert self.written.rfind(back) > self.written.rfind(mode)
        for number in MODES:
            on, off = b"\x1b[" + number + b"h", b"\x1b[" + number + b"l"
            assert self.written.rfind(off) > self.written.rfind(on) or not (stood or on in self.written), number
        local_modes = termios.tcgetattr(self.child.child_fd)[3]
        assert local_modes & termios.ICANON
        assert local_modes & termios.ECHO


def family(process: int) -> set[int]:
    """A process and all of its descendants."""
    children = Path(f"/proc/{process}/task").glob("*/children")
    numbers = [int(child) for file in children for child in file.read_text().split()]
    return {process}.union(*(family(child) for child in numbers))


@pytest.fixture
def gdsim(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        opened.append(Terminal(tmp_path, *arguments))
        return opened[-1]

    yield start
    for terminal in opened:
        with contextlib.suppress(OSError):
            for process in family(terminal.child.pid):
                os.kill(process, signal.SIGKILL)
        terminal.child.close(force=True)


def test_plays_pauses_steps_goes_back_is_resized_and_ctrl_c_leaves_the_terminal_clean(
    gdsim: Callable[..., Terminal],
) -> None:
    terminal = gdsim()
    terminal.play()
    for name in ("batch", "mini-batch", "stochastic"):
        assert re.search(rf"[●■▲] {name} .* running", terminal.text)
    paused = terminal.pause()
    terminal.press("~")  # a key that means nothing
    terminal.settle()
    assert terminal.update == paused
    terminal.press(".")
    terminal.wait(lambda: terminal.update == paused + 1, "one update more")
    terminal.press(",,,")
    terminal.wait(lambda: terminal.update == paused - 2, "three updates back")
    terminal.see("3 back")
    terminal.press(" ")
    terminal.wait(lambda: terminal.update > paused + 3, "going on after the replay")
    terminal.resize(80, 24)
    terminal.see("(?s)stochastic.*q quit")
    terminal.see("loss over slope and intercept")
    terminal.resize(60, 15)
    terminal.see("This terminal is 60x15; gdsim needs 80x24 at least")
    terminal.resize(120, 40)
    terminal.see("this update, against the full gradient")
    terminal.see("to min")
    terminal.press("\x03")
    assert terminal.finish() == 0
    terminal.assert_as_before()
    terminal.assert_nothing_is_left()


def test_what_was_seen_is_recorded_and_seen_again(gdsim: Callable[..., Terminal], tmp_path: Path) -> None:
    terminal = gdsim("--record", "race.gdsim")
    terminal.play()
    seen = terminal.pause()
    follower = gdsim("replay", "race.gdsim")
    follower.see("following live")
    follower.wait(lambda: follower.update >= seen, "what was recorded so far")
    terminal.press("q")
    assert terminal.finish() == 0
    follower.see("‖ replay ")  # complete, and at its end
    assert family(follower.child.pid) == {follower.child.pid}, "it has no engine"
    follower.press("q")
    assert follower.finish() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "race.gdsim")) as recording:
        ((last, ended),) = recording.execute('SELECT max("update"), ended FROM trace, recording')
    assert last >= seen
    assert ended


def test_keys_wait_for_the_screen_and_an_engine_that_is_killed_is_started_again_until_an_interrupt(
    gdsim: Callable[..., Terminal],
) -> None:
    terminal = gdsim()
    terminal.see("╭─ loss ")  # the empty panels
    terminal.press(" ")
    terminal.see("‖ paused")
    terminal.see("0 updates")
    terminal.press(" ")
    terminal.play()
    (engine,) = terminal.processes - {terminal.child.pid}
    os.kill(engine, signal.SIGKILL)
    terminal.see("The engine was ended by SIGKILL. Press r to start it again.")
    terminal.press("r")
    terminal.wait(lambda: "SIGKILL" not in terminal.text and terminal.update == 0, "a new start")
    terminal.press(".")
    terminal.wait(lambda: terminal.update == 1, "an update of the new engine")
    terminal.processes |= family(terminal.child.pid)
    os.kill(terminal.child.pid, signal.SIGINT)
    assert terminal.finish() == 0
    terminal.assert_as_before()
    terminal.assert_nothing_is_left()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["--lr", "0"], "lr must be a positive finite number"),
        (["replay", "none.gdsim"], "There is no recording none.gdsim"),
        (["resume", "none.gdsim"], "There is no recording none.gdsim"),
    ],
    ids=["screen", "replay", "resume"],
)
def test_bad_input_after_the_empty_panels_leaves_the_terminal_clean(
    gdsim: Callable[..., Terminal], command: list[str], sentence: str
) -> None:
    wrong = gdsim(*command)
    assert wrong.finish() == 2
    assert sentence in wrong.text
    wrong.assert_as_before(stood=False)


def test_what_ends_it_before_the_screen_is_there_leaves_the_terminal_clean(gdsim: Callable[..., Terminal]) -> None:
    interrupted = gdsim()
    interrupted.see("╭─ loss ")
    os.kill(interrupted.child.pid, signal.SIGTERM)
    assert interrupted.finish() in (0, 128 + signal.SIGTERM)  # the screen may just be there
    interrupted.assert_as_before(stood=False)


def test_closing_the_terminal_leaves_no_process_behind(gdsim: Callable[..., Terminal]) -> None:
    terminal = gdsim()
    terminal.play()
    terminal.hang_up()
    wait_until(lambda: not terminal.child.isalive() and not any(map(runs, terminal.processes)))


def test_a_key_shows_within_a_second_on_a_slow_terminal_and_leaving_it_takes_no_longer(
    gdsim: Callable[..., Terminal],
) -> None:
    terminal = gdsim()
    terminal.rate = 20_000
    terminal.play()
    terminal.press(" ")
    terminal.see("‖ paused")  # until here the program has found out how slow the terminal is
    sizes = []
    for _ in range(3):
        seen = terminal.update
        terminal.press(" ")
        terminal.wait(lambda seen=seen: terminal.update > seen + 20, "playing for a second")
        before = len(terminal.written)
        terminal.press(" ")
        terminal.see("‖ paused")
        sizes.append(len(terminal.written) - before)
    assert min(sizes) < terminal.rate, "the system keeps more than that where it is always full"
    before = len(terminal.written)
    terminal.press("q")
    assert terminal.finish() == 0
    assert len(terminal.written) - before < terminal.rate
    terminal.assert_as_before()
    terminal.assert_nothing_is_left()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_takes_nothing_keeps_nobody(gdsim: Callable[..., Terminal], end: signal.Signals) -> None:
    terminal = gdsim()
    terminal.play()
    wait_until(lambda: terminal.waiting >= 4095)  # as much as Linux lets wait before it holds up who writes
    os.kill(terminal.child.pid, end)
    wait_until(lambda: not terminal.child.isalive())
    assert terminal.finish() == 0
    terminal.assert_as_before()
    terminal.assert_nothing_is_left()


BAD_COMMANDS = {
    "no terminal": ([], "use `gdsim run`"),
    "file": (["run", "--updates", "1", "--data", "none.csv", "--features", "x", "--target", "y"], "none.csv"),
}


@pytest.mark.parametrize(("arguments", "part"), BAD_COMMANDS.values(), ids=BAD_COMMANDS.keys())
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: list[str], part: str, tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tui", *arguments],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    assert part in sentence
