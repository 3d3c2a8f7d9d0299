"""Runs without a screen that are recorded, or go on from a recording."""

from collections.abc import Callable

from sim.protocol.answers import Answer, Opened
from sim.protocol.commands import CHECKPOINTS_EVERY, Command, Open, Save
from sim.recording.writer import Writer
from tui.session.resuming import Resumption


def recorded(ask: Callable[[Command], Answer], writer: Writer) -> Callable[[Command], Answer]:
    """An engine whose answers are recorded, too; it waits while the disk is behind."""

    def ask_and_record(command: Command) -> Answer:
        answer = ask(command)
        writer.take(command, answer)
        if isinstance(answer, Opened):
            save = Save(CHECKPOINTS_EVERY)
            writer.take(save, ask(save))
        writer.wait()
        return answer

    return ask_and_record


def resumed(ask: Callable[[Command], Answer], resumption: Resumption) -> Callable[[Command], Answer]:
    """An engine whose experiment goes on where a recording ends."""

    def go_on(command: Command) -> Answer:
        if isinstance(command, Open):
            return resumption.answer(ask(resumption.question(command)))
        return ask(command)

    return go_on
