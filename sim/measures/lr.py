"""The learning rate of an update."""

from sim.measures.measure import Step, measure


@measure("learning rate", "the learning rate that an update used", cost="step")
def lr(step: Step) -> float:
    return step.lr
