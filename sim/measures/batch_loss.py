"""The loss that an update saw."""

from sim.measures.measure import Step, measure


@measure("batch loss", "the mean over the batch of an update, before it was made", cost="step")
def batch_loss(step: Step) -> float:
    return step.batch_loss
