"""The commands about recordings: `gdsim replay`, `gdsim resume`, `gdsim info`, `gdsim export`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sim.loading import loading
from tui.options.arguments import USUAL_MEMORY, HistoryMemory, Theme, in_bytes
from tui.options.end import End
from tui.shell import NOT_SAVED, complain, require_terminal

Other = Annotated[Path | None, Parameter(help="A second recording, of the same problem.")]
Recorded = Annotated[Path, Parameter(help="A recording, FILE.gdsim.")]


def replay(
    file: Recorded, other: Other = None, /, *, theme: Theme = None, history_memory: HistoryMemory = USUAL_MEMORY
) -> int:
    """Watch a recording on a screen, also while it is being written; or two of the same problem side by side."""
    memory = in_bytes(history_memory)
    require_terminal("use `gdsim info` or `gdsim export` instead")
    with loading():
        from tui.curtain import curtain

    with curtain(theme):
        with loading():
            from tui.replaying import run_replay

        return run_replay(file, other, theme=theme, memory=memory)


def resume(
    file: Recorded,
    /,
    *,
    end: End = End(),  # noqa: B008
    theme: Theme = None,
    history_memory: HistoryMemory = USUAL_MEMORY,
) -> int:
    """Go on where a recording ends, on a screen and in the same file."""
    memory = in_bytes(history_memory)
    require_terminal("use `gdsim run --resume` instead")
    with loading():
        from tui.curtain import curtain

    with curtain(theme):
        from tui.session.engine_process import EngineProcess
        from tui.session.resuming import take_up

        resumption, writer = take_up(file, end.limit, limited=False)
        engine = EngineProcess()  # it loads torch while the screen loads what it needs
        with loading():
            from tui.showing import run_app

        resumed = resumption, writer
        return run_app(resumption.asked, resumption.card, engine, theme=theme, resumed=resumed, memory=memory)


def info(file: Recorded, /, *, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Say what is in a recording.

    Args:
        json: As a JSON object instead of a table.
    """
    from tui import recordings

    if json:
        print(recordings.as_json(file))
    else:
        recordings.show(file)
    return 0


def export(
    file: Recorded,
    out: Annotated[Path, Parameter(help="OUT.csv, OUT.jsonl or OUT.parquet; with --tensorboard a folder.")],
    /,
    *,
    tensorboard: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Export a recording: each update in a file, as of gdsim run --export.

    Args:
        tensorboard: As event files for TensorBoard, in a folder for each run.
    """
    from tui.export import ExportError
    from tui.recordings import export_events, export_recording

    try:
        if tensorboard:
            export_events(file, out)
        else:
            export_recording(file, out)
    except ExportError as error:
        return complain(str(error), NOT_SAVED)
    return 0


COMMANDS: dict[Callable[..., int], str] = {
    replay: "replay FILE [OTHER]",
    resume: "resume FILE [--updates N]",
    info: "info FILE [--json]",
    export: "export FILE OUT [--tensorboard]",
}
"""Each with how it is written."""
