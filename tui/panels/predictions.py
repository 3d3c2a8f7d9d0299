"""Some test examples, and what each run says of them just now."""

from itertools import chain

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.text import Text

from sim.protocol.results import Predicted
from tui.draw.palette import Palette, hexadecimal
from tui.draw.wide import padded
from tui.panels.words import Words
from tui.scene.scene import RunScene, Scene

_GAP = 2
_WIDEST_PICTURE = 32  # pixels


class Predictions(Words, can_focus=True):
    """Test examples (images as half-block pictures), their truth, and each run's answers below, wrong ones in red."""

    BORDER_TITLE = "test examples and answers"
    DEFAULT_CLASSES = "view framed"

    def show(self, scene: Scene) -> None:
        """Draw a scene."""
        if self.display and scene.predictions is not None:
            self.say(predictions_text(scene, scene.predictions, self.size.width, self.size.height))


def predictions_text(scene: Scene, predicted: Predicted, width: int, height: int) -> Text:
    """As many rows of examples as fit, each with the truth and the runs' answers."""
    runs = [run for run in scene.runs if run.shown]
    pictures = [_picture(values) for values in predicted.inputs] if _are_pictures(predicted.inputs) else []
    words = chain(predicted.truths, *(predicted.answers[run.index] for run in runs))
    cell = max([cell_len(word) for word in words] + [len(lines[0]) for lines in pictures[:1]])
    across = max(1, (width - 4) // (cell + _GAP))
    block = (len(pictures[0]) if pictures else 0) + 1 + len(runs) + 1
    lines: list[Text] = []
    for begin in range(0, len(predicted.truths), across):
        if lines and len(lines) + block > height + 1:
            break
        some = range(begin, min(begin + across, len(predicted.truths)))
        rows = range(len(pictures[0]) if pictures else 0)
        lines += [
            Text("   ") + Text(" " * _GAP).join(pictures[example][row].copy() for example in some) for row in rows
        ]
        lines.append(
            Text("   " + "".join(padded(predicted.truths[example], cell + _GAP) for example in some), style="bold")
        )
        lines += [_answers(run, predicted, some, cell, scene.palette) for run in runs]
        lines.append(Text(""))
    return Text("\n").join(lines)


def _answers(run: RunScene, predicted: Predicted, some: range, cell: int, palette: Palette) -> Text:
    styles = {True: hexadecimal(palette.good), False: f"bold {hexadecimal(palette.bad)}", None: ""}
    line = Text.assemble((f" {run.glyph} ", hexadecimal(run.color)))
    for example in some:
        right = predicted.right[run.index][example]
        line.append(padded(predicted.answers[run.index][example], cell + _GAP), styles[right])
    return line


def _are_pictures(inputs: NDArray[np.float32]) -> bool:
    return inputs.ndim == 4 and inputs.shape[1] in (1, 3) and max(inputs.shape[2:]) <= _WIDEST_PICTURE


def _picture(values: NDArray[np.float32]) -> list[Text]:
    """An image (C, H, W) in half blocks, its grey levels stretched over their range."""
    grey = values.mean(axis=0)
    low, high = float(grey.min()), float(grey.max())
    levels = ((grey - low) / (high - low if high > low else 1.0) * 255).astype(int)
    if len(levels) % 2:
        levels = np.vstack([levels, np.zeros((1, levels.shape[1]), int)])
    lines = []
    for upper, lower in zip(levels[::2].tolist(), levels[1::2].tolist(), strict=True):
        line = Text()
        for above, below in zip(upper, lower, strict=True):
            line.append("▀", f"#{above:02x}{above:02x}{above:02x} on #{below:02x}{below:02x}{below:02x}")
        lines.append(line)
    return lines
