"""The passes of an update, recorded once as a CUDA graph and launched as one thing ever after."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from sim.models.random_state import undisturbed
from sim.models.sources import Batch

_WARM_UPS = 3  # before the recording, in which libraries choose their kernels and take their memory


class Capture(Protocol):
    """Makes something of passes that makes them again for any batch of the same shape."""

    def __call__(
        self, passes: Callable[[Batch], None], written: Callable[[], Sequence[Tensor]], batch: Batch
    ) -> Callable[[Batch], None]:
        """See `capture`."""


def capture(
    passes: Callable[[Batch], None], written: Callable[[], Sequence[Tensor]], batch: Batch
) -> Callable[[Batch], None]:
    """Record what is done with a batch: for any batch of the same shape it is then done with one launch.

    Recording leaves everything as it was. See https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.

    Args:
        passes: what is done, all of it on the device.
        written: the tensors that it reads and then writes to.
        batch: some batch.

    Raises:
        RuntimeError: if it waits for the device, or replaces tensors that it read by others.
    """
    inputs, targets = (part.clone() for part in batch)
    before = written()
    values = [one.clone() for one in before]
    graph, aside = torch.cuda.CUDAGraph(), torch.cuda.Stream(inputs.device)  # type: ignore[no-untyped-call]
    with undisturbed(inputs.device), torch.cuda.device(inputs.device):
        aside.wait_stream(torch.cuda.current_stream(inputs.device))
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                passes((inputs, targets))
                _put_back(before, values)
        torch.cuda.current_stream(inputs.device).wait_stream(aside)
        # a thread that pins a loader's batches may take memory meanwhile
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            passes((inputs, targets))
    if any(one is not other for one, other in zip(before, written(), strict=True)):
        raise RuntimeError("it replaces its buffers by new tensors")

    def launch(batch: Batch) -> None:
        inputs.copy_(batch[0])
        targets.copy_(batch[1])
        graph.replay()

    return launch


def _put_back(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for tensor, value in zip(tensors, values, strict=True):
            tensor.copy_(value)
