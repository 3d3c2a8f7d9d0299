"""How the loss of many examples follows from those of batches of them."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Reduction:
    """How a loss reduces the losses of a batch's examples to one number.

    The loss over all batches is the sum of `loss * weight(targets)` over `divisor(sum of the weights)`. A batch of
    weight 0, in which there is nothing to learn, has no loss of its own and is to be left out.

    Attributes:
        kind: whether it is a mean or a sum.
        ignored: the class number that does not count in a mean; None where every example counts 1.
        class_weights: what an example of each class counts in a mean, shape (C,); None: 1.
    """

    kind: Literal["mean", "sum"] = "mean"
    ignored: int | None = None
    class_weights: Tensor | None = None

    def weight(self, targets: Tensor) -> float:
        """What a batch counts, by its targets."""
        if self.kind == "sum":
            return 1.0
        if self.ignored is None or targets.is_floating_point():  # of probabilities of classes torch takes plain means
            return float(len(targets))
        counted = targets[targets != self.ignored].long()
        return float(len(counted)) if self.class_weights is None else self.class_weights[counted].sum().item()

    def divisor(self, weights: float, share: float = 1.0) -> float:
        """What the sum over batches is to be divided by.

        Args:
            weights: the sum of their weights.
            share: of all examples, that these batches are to stand for.
        """
        return share if self.kind == "sum" else weights

    def alone(self, targets: Tensor) -> float | None:
        """How many times as large an example's gradient is as a batch of its own; None where not all count alike."""
        if self.kind == "sum":
            return 1.0
        counted = self.ignored is None or targets.is_floating_point() or bool((targets != self.ignored).all())
        return float(len(targets)) if counted and self.class_weights is None else None
