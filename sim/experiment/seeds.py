"""One seed for each purpose, made from the one that was asked for. Imports no torch."""

from dataclasses import dataclass

_DIRECTIONS = 1


@dataclass(frozen=True, slots=True)
class Seeds:
    """The seeds of all that is random in an experiment.

    Attributes:
        order: of the examples, the same for every run.
        model: torch's own, right before a model is made.
        split: into training and test examples, and of synthetic data.
        directions: of random planes.
    """

    order: int
    model: int
    split: int
    directions: int

    @classmethod
    def of(cls, seed: int) -> "Seeds":
        """Order, model and split begin with the seed itself, as a plain script with one seed would have it."""
        return cls(seed, seed, seed, directions_seed(seed))


def directions_seed(seed: int) -> int:
    """The seed of a plane's random directions, from 0 to 2^63 - 1: `numpy.random.SeedSequence([seed, 1])`'s first word.

    A model is made right after `torch.manual_seed(seed)`: directions drawn from that same seed would be the model.
    """
    import numpy as np  # not for what only reads a configuration

    (word,) = np.random.SeedSequence([seed, _DIRECTIONS]).generate_state(1, np.uint64)
    return int(word) >> 1
