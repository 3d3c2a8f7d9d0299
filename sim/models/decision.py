"""Which classes outputs and targets stand for."""

from dataclasses import dataclass

from torch import Tensor

IGNORED = -100
"""The label that torch's losses leave out, unless they are given another."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How a class is predicted from outputs: one output a target against a threshold, or the largest of several.

    Attributes:
        threshold: above which a single output predicts the second of the labels: 0, or 0.5 for probabilities.
        labels: which two labels a single output distinguishes.
        ignored: the label of what has no class.
        soft: whether targets are probabilities, one a class.
    """

    threshold: float = 0.0
    labels: tuple[int, int] = (0, 1)
    ignored: int = IGNORED
    soft: bool = False

    def truths(self, targets: Tensor) -> Tensor:
        """The labels that a batch's targets stand for."""
        return targets.argmax(dim=1) if self.soft else targets

    def predicted(self, output: Tensor, truths: Tensor) -> Tensor | None:
        """The labels that a batch's outputs stand for, shaped as the true ones; None where they stand for none."""
        if output.numel() == truths.numel():
            low, high = self.labels
            return (output.reshape(truths.shape) > self.threshold).long() * (high - low) + low
        if output.ndim < 2 or output.numel() != output.shape[1] * truths.numel():
            return None
        return output.argmax(dim=1).reshape(truths.shape)

    def known(self, truths: Tensor) -> Tensor:
        """Which of the true labels are of a class: bool, shaped as they are."""
        return truths != self.ignored
