"""Which point of a trail, and which loss, gets which of the palette's colours."""

import numpy as np
from numpy.typing import NDArray

from tui.draw.palette import fade

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_FAR_SHARE = 0.97  # of the window's area: the loss reached there begins the highest band
_NEAR_SHARE = 0.01  # losses this rare are near the minimum, where levels turn from even to geometric
_LARGEST = 1e300  # differences of such losses are finite


def trail_colors(count: int, color: int, faded: int, recent: int) -> Integers:
    """A colour for each of a trail's points, oldest first, shape (count,): one shade fainter every `recent` points."""
    shades = np.array(fade(color, faded), dtype=np.int64)
    age = np.arange(count - 1, -1, -1) // recent
    return shades[np.maximum(len(shades) - 1 - age, 0)]


def loss_levels(losses: Floats, bands: int) -> Floats:
    """The losses at the borders between bands: increasing, shape (bands - 1,).

    They are spaced evenly in log(loss - minimum + near), `near` being a loss that is rare in the window: finer and
    finer towards the minimum, so that the valley and the far field both have structure. What is not finite is left
    out of account. Keep them for as long as a window is shown: they depend on the grid.
    """
    finite = losses[np.isfinite(losses)].clip(-_LARGEST, _LARGEST)
    if not finite.size:
        return np.arange(1.0, bands)
    low = float(finite.min())
    near, far = np.quantile(finite - low, [_NEAR_SHARE, _FAR_SHARE]).tolist()
    if far <= 1e-12 * abs(low):
        return low + np.arange(1.0, bands) * max(abs(low), 1.0)
    near = max(near, far * 1e-4)
    levels: Floats = low + near * np.expm1(np.log1p(far / near) * np.arange(1, bands) / bands)
    return levels


def band_of(losses: Floats, levels: Floats) -> NDArray[np.uint8]:
    """Which band each loss lies in, any shape: 0 below the first level; NaN and inf are in the highest."""
    return np.searchsorted(levels, losses, side="right").astype(np.uint8)
