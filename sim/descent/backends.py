"""Who makes the updates of an experiment."""

from dataclasses import replace

from sim.descent.racer import MakeStepper
from sim.descent.torch_stepper import TorchStepper
from sim.experiment.choices import BackendChoice
from sim.experiment.errors import ConfigError
from sim.experiment.resolved import Resolved
from sim.experiment.words import first_line
from sim.models.problem import Problem


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
    if experiment.backend == "compiled":
        try:
            return experiment, _compiled_steppers(problem, experiment.seeds), ""
        except Exception as error:  # of a broken numba or sympy, too, and of the formula itself
            sentence = f"The updates could not be compiled ({first_line(error)})"
            if experiment.seeds > 1:
                raise ConfigError(f"{sentence}, which many seeds have to be; leave out --seeds.") from error
            if asked == "compiled":
                raise ConfigError(f"{sentence}; use --backend torch.") from error
            sentence += "; torch makes them, more slowly."
            return replace(experiment, backend="torch"), lambda course: TorchStepper(problem, course), sentence
    return experiment, lambda course: TorchStepper(problem, course), ""


def _compiled_steppers(problem: Problem, seeds: int) -> MakeStepper:
    # numba and sympy take half a second to import
    from sim.descent.compiled_stepper import CompiledStepper
    from sim.descent.ensemble_stepper import EnsembleStepper
    from sim.kernels.formula import kernels_of

    assert problem.formula is not None, "only formulas are compiled"
    kernels = kernels_of(problem.formula)
    kind = EnsembleStepper if seeds > 1 else CompiledStepper
    return lambda course: kind(problem, kernels, course)
