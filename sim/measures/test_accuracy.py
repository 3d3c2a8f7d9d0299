"""How many held-back examples are told right."""

from sim.measures.measure import Passes, measure


@measure("test accuracy", "share of the test examples told right", cost="pass", unit="%", short="test acc")
def test_accuracy(passes: Passes) -> float:
    return passes.testing.accuracy
