"""The loss on data that was held back."""

from sim.measures.measure import Passes, measure


@measure("test loss", "over the test examples, which no run learns from", cost="pass")
def test_loss(passes: Passes) -> float:
    return passes.testing.loss
