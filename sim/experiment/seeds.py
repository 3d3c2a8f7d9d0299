"""Seeds for each purpose, from the one seed of an experiment. Imports no torch."""

import numpy as np

_DIRECTIONS = 1


def directions_seed(seed: int) -> int:
    """The seed of a plane's random directions, from 0 to 2^63 - 1: `numpy.random.SeedSequence([seed, 1])`'s first word.

    A model is made right after `torch.manual_seed(seed)`: directions drawn from that same seed would be the model.
    """
    (word,) = np.random.SeedSequence([seed, _DIRECTIONS]).generate_state(1, np.uint64)
    return int(word) >> 1
