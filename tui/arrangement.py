"""Which size a terminal is of: classes of the screen, from which `app.tcss` makes where the panels stand."""

from textual.geometry import Size
from textual.screen import Screen

LEAST_SIZE = (80, 24)
VERY_WIDE, VERY_TALL = 170, 48  # cells: enough for two races
_WIDE, _TALL = 116, 34
_ROOMY_HEIGHT = 40  # from here on, on a very wide terminal, the three clocks have room


def arrange(screen: Screen[object], size: Size) -> None:
    """Have the panels of a race arranged for the size there is."""
    width, height = size
    compact, roomy = width < _WIDE or height < _TALL, width >= VERY_WIDE and height >= _ROOMY_HEIGHT
    classes = {
        "-compact": compact,
        "-very-wide": width >= VERY_WIDE,
        "-very-tall": height >= VERY_TALL,
        "-too-small": width < LEAST_SIZE[0] or height < LEAST_SIZE[1],
    }
    if compact or roomy != screen.has_class("-roomy"):  # else it is for the user to say
        classes |= {"-clocks": roomy, "-roomy": roomy}
    screen.update_classes(classes)  # together, since all panels are styled anew
