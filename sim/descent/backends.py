"""Who makes the updates of an experiment."""

import math

import torch

from sim.descent.course import Course
from sim.descent.graph_stepper import GraphStepper
from sim.descent.racer import MakeStepper
from sim.descent.state import RunState
from sim.descent.stepper import Block, Stepper
from sim.descent.torch_stepper import TorchStepper
from sim.experiment.choices import BackendChoice
from sim.experiment.errors import ConfigError
from sim.experiment.resolved import Resolved
from sim.experiment.words import first_line
from sim.measures.measure import Figures, Passes
from sim.models.chain import NotDenseError, chain_of
from sim.models.problem import Problem
from sim.problems.formula import Formula

_COMPARED, _ALIKE = 3, 1e-3  # updates that are compared; and how far apart numbers may be after them
_NOT_RECORDED = "On a GPU --backend compiled records an update as a CUDA graph, which this model does not bear"
_COMPILED = "two-parameter problems and chains of Linear, ReLU, Tanh, Sigmoid and GELU"


def steppers_of(problem: Problem, experiment: Resolved, asked: BackendChoice) -> tuple[Resolved, MakeStepper, str]:
    """The experiment with the backend that it really has, what makes its steppers, and why that is another one, if so.

    Where nobody named a backend and the problem cannot be compiled, torch does it.

    Args:
        problem: what is minimised.
        experiment: resolved.
        asked: which backend the user named.

    Raises:
        ConfigError: if compiling was asked for by name and cannot be done.
    """
    if experiment.backend == "torch":
        return experiment, lambda course: TorchStepper(problem, course), ""
    if problem.device.type == "cuda":
        return experiment, _graph_steppers(problem, experiment), ""
    try:
        if problem.formula is None:
            return experiment, _dense_steppers(problem), ""
        return experiment, _formula_steppers(problem, problem.formula, experiment.seeds), ""
    except NotDenseError as error:  # which nobody said it was
        if asked == "compiled":
            raise ConfigError(f"--backend compiled is for {_COMPILED}, and {error}; use --backend torch.") from error
        note = ""
    except Exception as error:  # of a broken numba or sympy, too, and of the formula itself
        note = f"The updates could not be compiled ({first_line(error)})"
        if experiment.seeds > 1:
            raise ConfigError(f"{note}, which many seeds have to be; leave out --seeds.") from error
        if asked == "compiled":
            raise ConfigError(f"{note}; use --backend torch.") from error
        note += "; torch makes them, more slowly."
    return experiment.with_backend("torch"), lambda course: TorchStepper(problem, course), note


# numba and sympy take half a second to import


def _formula_steppers(problem: Problem, formula: Formula, seeds: int) -> MakeStepper:
    from sim.kernels.formula import kernels_of

    kernels = kernels_of(formula)
    if seeds > 1:  # whose loops over the members others need not wait for
        from sim.descent.ensemble_stepper import EnsembleStepper

        return lambda course: EnsembleStepper(problem, kernels, course)
    from sim.descent.compiled_stepper import CompiledStepper

    return lambda course: CompiledStepper(problem, kernels, course)


def _dense_steppers(problem: Problem) -> MakeStepper:
    chain = chain_of(problem)

    from sim.descent.dense_network import examples_of, network_of, require_agreement
    from sim.descent.dense_stepper import DenseStepper

    network, examples = network_of(chain), examples_of(problem, chain)
    require_agreement(problem, network, examples)
    return lambda course: DenseStepper(problem, network, examples, course)


def _graph_steppers(problem: Problem, experiment: Resolved) -> MakeStepper:
    """Those for a CUDA device, compared with torch before they are trusted.

    Raises:
        ConfigError: if the passes of a batch cannot be recorded, or recorded are something else.
    """
    course = Course(experiment.runs[0], 0, experiment).unlimited.unevaluated
    made = [_first_updates(kind(problem, course)) for kind in (TorchStepper, GraphStepper)]
    (reached, reference), (recorded, block) = made
    if reference.trouble is not None:  # which is no fault of the recording, and is said of the run itself
        return lambda course: GraphStepper(problem, course)
    if block.trouble is not None:
        raise ConfigError(f"{_NOT_RECORDED}; use --backend torch. {block.trouble.sentence}")
    if not torch.allclose(recorded.vector, reached.vector, rtol=_ALIKE, atol=_ALIKE, equal_nan=True):
        raise ConfigError(f"{_NOT_RECORDED}: recorded, it computes something else; use --backend torch.")
    return lambda course: GraphStepper(problem, course)


def _first_updates(stepper: Stepper) -> tuple[RunState, Block]:
    nothing = Figures(math.nan, math.nan)
    return stepper.advance(stepper.start(Passes(nothing, nothing)), _COMPARED)
