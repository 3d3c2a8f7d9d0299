"""Every key: what it does and in which group the help shows it."""

from typing import NamedTuple

from textual.binding import Binding


class Key(NamedTuple):
    """A key of the screen.

    Attributes:
        key: as Textual names it (several, by commas); "" for what the palette alone has.
        action: what it does.
        words: the same for people.
        group: where it stands in the help.
        display: how the key is written, where not as Textual would.
        footer: the same for the footer, which shows keys of the same words together; "" where it does not show it.
    """

    key: str
    action: str
    words: str
    group: str
    display: str | None = None
    footer: str = ""


KEYS = (
    Key("space", "toggle_play", "play/pause", "Time", footer="play"),
    Key("full_stop", "step(1)", "step", "Time", ".", footer="step"),
    Key("comma", "step(-1)", "back", "Time", ",", footer="step"),
    Key("right", "step(10)", "10 moments on", "Time", "→"),
    Key("left", "step(-10)", "10 moments back", "Time", "←"),
    Key("shift+right", "step(100)", "100 moments on", "Time", "⇧→"),
    Key("shift+left", "step(-100)", "100 moments back", "Time", "⇧←"),
    Key("home", "seek_first", "to the start", "Time"),
    Key("end", "seek_live", "to the end of the recording", "Time"),
    Key("left_square_bracket", "speed(0.9)", "slower", "Time", "["),
    Key("right_square_bracket", "speed(1.1)", "faster", "Time", "]"),
    Key("left_curly_bracket", "speed(0.5)", "half the pace", "Time", "{"),
    Key("right_curly_bracket", "speed(2)", "twice the pace, at last as fast as possible", "Time", "}"),
    Key("backspace", "speed_one", "the problem's own pace", "Time"),
    Key("c", "next_clock", "begin again on the next clock", "Experiment", footer="clock"),
    Key("C", "toggle_clocks", "the same race on the three clocks, side by side", "Experiment", footer="clock"),
    Key("", "change_clock", "go on by the next clock, without beginning again", "Experiment"),
    Key("m", "switch_problem", "a real network, and back", "Experiment", footer="model"),
    Key("M", "side_by_side", "the problem and the network side by side", "Experiment"),
    Key("P", "problems", "all problems and models", "Experiment", footer="all"),
    Key("r", "reset", "begin again with the settings as they are", "Experiment", footer="reset"),
    Key("R", "new_seed", "begin again with another seed", "Experiment"),
    Key("S", "reset_start", "begin again as the command asked, from the problem's own start", "Experiment"),
    Key("i", "details", "what went wrong, in full", "Experiment"),
    Key("K", "kill_engine", "stop the engine, whatever it is doing", "Experiment"),
    Key("down", "select_run(1)", "select the next run", "Runs", "↓", footer="run"),
    Key("up", "select_run(-1)", "select the run before", "Runs", "↑", footer="run"),
    Key("enter", "settings", "all settings of the selected run", "Runs", footer="settings"),
    Key("less_than_sign", "scale_rate(0.5)", "halve its learning rate", "Runs", "<", footer="rate"),
    Key("greater_than_sign", "scale_rate(2)", "double its learning rate", "Runs", ">", footer="rate"),
    Key("left_parenthesis", "scale_batch(0.5)", "halve its batch size", "Runs", "(", footer="batch"),
    Key("right_parenthesis", "scale_batch(2)", "double its batch size", "Runs", ")", footer="batch"),
    Key("F", "fork", "fork it at the cursor: it goes on a second time from there", "Runs", footer="fork"),
    Key("D", "remove_run", "remove it: it goes on no more", "Runs"),
    Key("plus,equals_sign", "zoom(1.25)", "zoom in (mouse wheel)", "Surface", "+"),
    Key("minus", "zoom(0.8)", "zoom out", "Surface", "-"),
    Key("h", "pan(-0.1, 0)", "pan left", "Surface"),
    Key("j", "pan(0, -0.1)", "pan down", "Surface"),
    Key("k", "pan(0, 0.1)", "pan up", "Surface"),
    Key("l", "pan(0.1, 0)", "pan right", "Surface"),
    Key("z", "fit", "fit the trails", "Surface"),
    Key("o", "toggle_follow", "follow the heads", "Surface"),
    Key("p", "next_plane", "a model's plane: pca, random or heads", "Surface"),
    Key("g", "toggle_contours", "contour lines", "Surface"),
    Key("v", "next_view", "data", "Panels", footer="data"),
    Key("u", "toggle_lens", "the steps that were possible, magnified", "Panels"),
    Key("x", "next_axis", "curves over updates, epochs, examples or seconds", "Panels"),
    Key("X", "next_across", "the curves' x axis logarithmic, linear, or as it suits", "Panels"),
    Key("y", "next_up", "curves logarithmic down to six decades below the start, or over all, or linear", "Panels"),
    Key("n", "next_measure", "loss, gradient norm or rate, and of a model test loss and accuracy", "Panels"),
    Key("f", "maximise", "enlarge the focused panel, and back", "Panels"),
    Key("w", "copy_command", "the command line that reproduces this", "Keep"),
    Key("W", "record", "record all of it, from the start on, or end that", "Keep"),
    Key("e", "export", "export what was recorded as CSV", "Keep"),
    Key("s", "save_screen", "save the screen as SVG", "Keep"),
    Key("t", "next_theme", "dark or light", "Screen"),
    Key("question_mark", "help", "help", "Screen", "?", footer="help"),
    Key("q", "quit", "quit", "Screen", footer="quit"),
)
"""In the order of the help; `tab` (next panel), `ctrl+p` (palette) and the digits come on top."""


_FOOTER = ("play", "step", "run", "rate", "batch", "fork", "clock", "help", "quit", "settings", "model", "reset")
"""What the footer begins with: quit is there at 80 columns, model at 120; the others come as in the help."""


def bindings() -> list[Binding]:
    """All of them as Textual's bindings, in the order of the footer, the digits included."""
    digits = [Binding(str(n), f"toggle_run({n - 1})", f"hide or show run {n}", show=False) for n in range(1, 10)]
    keys = [
        Binding(
            key.key,
            key.action,
            key.footer or key.words,
            show=bool(key.footer),
            key_display=key.display,
            group=Binding.Group(key.footer) if key.footer else None,
        )
        for key in sorted(KEYS, key=lambda key: _FOOTER.index(key.footer) if key.footer in _FOOTER else len(_FOOTER))
        if key.key
    ]
    return [*keys, *digits, Binding("ctrl+c", "quit", "quit", show=False, priority=True)]
