"""One seed for each purpose, made from the one that was asked for. Imports no torch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seeds:
    """What everything random begins with.

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
        return cls(seed, seed, seed, seed)
