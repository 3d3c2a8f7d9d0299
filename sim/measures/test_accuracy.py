"""How many held-back examples are predicted correctly."""

from sim.measures.measure import Passes, measure


@measure("test accuracy", "share of the test examples predicted correctly", cost="pass", unit="%", short="test acc")
def test_accuracy(passes: Passes) -> float:
    return passes.testing.accuracy
