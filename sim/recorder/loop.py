"""What a loop is, in the words of an experiment."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from sim.experiment.choices import Optimizer
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import LoopConfig
from sim.experiment.resolved import Facts, Resolved, resolve
from sim.experiment.words import shown
from sim.models.flat import trainable

_MOST = 2**63


def resolved_loop(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, examples: int, batch_size: int
) -> tuple[Experiment, Resolved]:
    """The experiment that a loop is, as it is asked for and with nothing left open.

    Args:
        path: of its recording, after which its run is named.
        model: what it trains.
        optimizer: by which.
        examples: N; 0 where it is not known.
        batch_size: how many of them its first update used.
    """
    settings: Mapping[str, Any] = optimizer.param_groups[0]
    kind = cast(Optimizer, type(optimizer).__name__.lower())
    known = type(optimizer) in (torch.optim.SGD, torch.optim.RMSprop)  # what one made from them does, nobody knows
    run = RunConfig(
        name=re.sub(r"[\s,=]+", "-", shown(path.stem)) or "loop",
        batch_size="all" if 0 < examples <= batch_size else batch_size,
        optimizer=kind,
        momentum=settings["momentum"] if known else 0.0,
        nesterov=known and settings.get("nesterov", False),
        loss_every=1,
    )
    parameters = trainable(model)
    device = parameters[0][1].device
    asked = Experiment(
        problem=_problem(model, optimizer),
        runs=(run,),
        seed=torch.initial_seed() % _MOST,
        device=str(device) if device.type in ("cpu", "cuda", "mps") else "auto",
    )
    facts = Facts(
        examples=examples,
        parameters=sum(parameter.numel() for _, parameter in parameters),
        rates={kind: float(settings.get("lr", 0.0))},
    )
    return asked, resolve(asked, facts, asked.device)


def _problem(model: nn.Module, optimizer: torch.optim.Optimizer) -> LoopConfig:
    script = Path(sys.argv[0] if sys.argv else "").name or "a loop"
    parameters = trainable(model)
    count = sum(parameter.numel() for _, parameter in parameters)
    title = f"{type(model).__name__}, {count:,} parameters, by {type(optimizer).__name__}"
    if count != 2:
        return LoopConfig(script, title)
    names = [f"{name}[{i}]" if one.numel() > 1 else name for name, one in parameters for i in range(one.numel())]
    return LoopConfig(script, title, tuple(names))
