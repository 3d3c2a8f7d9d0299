"""Records a training loop of the user's own, which `gdsim replay` then shows."""

from sim.recorder.recorder import Recorder

__all__ = ["Recorder"]
