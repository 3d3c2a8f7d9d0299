"""The length of the gradient that an update used."""

from sim.measures.measure import Step, measure


@measure("gradient norm", "length of the last batch's gradient", cost="step", short="‖grad‖")
def grad_norm(step: Step) -> float:
    return step.grad_norm
