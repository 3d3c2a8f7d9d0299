"""Two races that go at one pace."""

from tui.session.session import Session

_AHEAD = 0.1  # seconds of playing that one may be ahead of the other
_PARTED = 5.0  # beyond so many, as after playing as fast as possible, nobody waits any more


def go_on(races: tuple[Session, ...], seconds: float) -> None:
    """So much wall time goes by for all of them, at the pace of the first one in the unit of its clock.

    Who is ahead waits, except where they play as fast as possible.
    """
    first, *others = races
    for other in others:
        other.player.speed = first.player.speed * first.pace[first.clock] / other.pace[first.clock]
    leads = [_lead(first, other) for other in others]
    first.frame(0.0 if any(_AHEAD < lead < _PARTED for lead in leads) else seconds)
    for other, lead in zip(others, leads, strict=True):
        other.frame(0.0 if _AHEAD < -lead < _PARTED else seconds)


def step(races: tuple[Session, ...], moments: int) -> None:
    """All of them pause and go by so many moments; where these are updates, the others to the first one's."""
    first, *others = races
    for other in others:
        apart = 0
        if first.history is not None and other.history is not None and first.clock == other.clock == "updates":
            apart = max(first.history.updates) - max(other.history.updates)
        other.step(moments + apart)
    first.step(moments)


def _lead(one: Session, other: Session) -> float:
    """How far one race is ahead of another, in seconds of playing; 0 where they cannot be compared, or one stands."""
    if one.history is None or other.history is None or one.clock != other.clock or one.hurried:
        return 0.0
    if not (one.player.playing and other.player.playing):
        return 0.0
    return (one.history.position - other.history.position) / (one.pace[one.clock] * one.player.speed)
