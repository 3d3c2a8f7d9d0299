"""Exponential growth, fitted by a formula of two parameters: `gdsim --problem examples/growth.py`."""

import numpy as np

start = (-0.5, 1.5)
lr = 0.03


def data():
    """Inputs and targets: 60 noisy measurements of exp(0.5 x) - 0.3."""
    x = np.linspace(-2, 2, 60)
    return x, np.exp(0.5 * x) - 0.3 + 0.1 * np.random.default_rng(0).standard_normal(60)


def output(xp, w, c, x):
    """What the formula says for each input; `xp` is numpy, torch or sympy."""
    return xp.exp(w * x) + c
