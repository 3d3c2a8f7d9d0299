"""The training loss."""

from sim.measures.measure import Passes, measure


@measure("loss", "the mean over all training examples, at the last update where it was evaluated", cost="pass")
def loss(passes: Passes) -> float:
    return passes.training.loss
