"""How far a run's parameters are from the plane."""

from sim.measures.measure import Standing, measure


@measure("distance from the plane", "how far the run is from the plane that is shown", cost="free", short="off plane")
def distance_from_plane(run: Standing) -> float:
    return run.off_plane
