"""The training loss."""

from sim.measures.measure import Passes, measure


@measure("loss", "the mean over all training examples", cost="pass")
def loss(passes: Passes) -> float:
    return passes.training.loss
