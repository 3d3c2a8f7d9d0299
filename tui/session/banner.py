"""What is said across the screen: of trouble, and while there is nothing else to see."""

from dataclasses import dataclass

from sim.experiment.config import Experiment


@dataclass(frozen=True, slots=True)
class Banner:
    """A message of trouble, shown across the screen.

    Attributes:
        sentence: what happened, and what to do.
        details: a traceback or what the engine printed last, or "".
        dead: the engine is gone; it can be started again.
        config: what was asked for cannot be done.
    """

    sentence: str
    details: str = ""
    dead: bool = False
    config: bool = False


def with_hint(sentence: str, details: str) -> str:
    """What went wrong, and which key shows more where there is more."""
    return f"{sentence.rstrip('.')}. Press i for the details." if details else sentence


def starting(experiment: Experiment) -> str:
    """What is being waited for before an experiment stands."""
    if experiment.backend == "compiled" or experiment.seeds > 1:
        return "Starting the engine; compiling takes some seconds, the first time …"
    return "Starting the engine …"
