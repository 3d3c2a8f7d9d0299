"""A dense network in the kernels' terms, compared with torch before it is trusted."""

import math

import numpy as np
import torch

from sim.kernels.compiling import address_of
from sim.kernels.dense import descend_dense
from sim.kernels.descent import Batches, Rule, Standing, step_singles
from sim.kernels.loops import SGD
from sim.kernels.network import GELU, LINEAR, RELU, SIGMOID, TANH, Codes, Examples, Network, Record, Workspace
from sim.kernels.products import add_product, add_product_transposed
from sim.models.chain import Chain, Kind, NotDenseError
from sim.models.evaluation import batch_gradient
from sim.models.flat import FlatModel
from sim.models.problem import Problem
from sim.models.random_state import undisturbed

CODES = Codes(*(address_of(one) for one in (step_singles, add_product, add_product_transposed)))
"""Where the kernels of all networks are."""

_KINDS: dict[Kind, int] = {"linear": LINEAR, "relu": RELU, "tanh": TANH, "sigmoid": SIGMOID, "gelu": GELU}
_COMPARED, _ALIKE = 32, 1e-3  # examples; and how far apart gradients may be, of the largest number in them


def network_of(chain: Chain) -> Network:
    """The stages of a chain."""
    stages = chain.stages
    return Network(
        kinds=np.array([_KINDS[stage.kind] for stage in stages]),
        widths=np.array([chain.inputs.shape[1], *(stage.width for stage in stages)]),
        weights=np.array([stage.weights or 0 for stage in stages]),
        biases=np.array([-1 if stage.biases is None else stage.biases for stage in stages]),
    )


def examples_of(problem: Problem, chain: Chain) -> Examples:
    """The training examples of a problem that is a chain."""
    targets, classes = chain.targets.numpy(), chain.loss == "cross entropy"
    return Examples(
        rows=problem.rows(torch.arange(problem.examples)).numpy(),
        inputs=np.ascontiguousarray(chain.inputs.numpy()),
        labels=np.ascontiguousarray(targets) if classes else np.empty(0, np.int64),
        quantities=np.empty((0, 0), np.float32) if classes else np.ascontiguousarray(targets),
    )


def require_agreement(problem: Problem, network: Network, examples: Examples) -> None:
    """Compare the gradient of some examples at the start with torch's: a module may do more than can be seen of it.

    Raises:
        NotDenseError: if they differ.
    """
    some = torch.arange(min(_COMPARED, problem.examples))
    with undisturbed(problem.device):
        model = FlatModel(problem.twin(problem.model))
        expected = batch_gradient(problem.loss, model.module, list(model.module.parameters()), problem.batch(some))
    point = model.vector.detach().numpy()
    workspace = Workspace.of(network, len(point))
    batches = Batches(some[None].numpy(), begun=0, size=len(some), per_epoch=1)
    record = Record(np.zeros(1), np.empty(1), np.empty(1), first=1, every=1, kept=np.empty((0, 0), np.float32))
    standing = Standing(point, np.zeros((2, len(point)), np.float32), steps=0)
    rule = Rule(SGD, momentum=0.0, nesterov=False, first_decay=0.0, second_decay=0.0, epsilon=0.0, weight_decay=0.0)
    descend_dense(CODES, network, examples, batches, rule, standing, math.inf, record, workspace)
    if np.abs(workspace.gradient - expected.numpy()).max() > _ALIKE * expected.abs().max():
        raise NotDenseError("what this model or its loss computes is something else")
