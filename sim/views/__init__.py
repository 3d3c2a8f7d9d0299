"""What is seen of the runs: planes, trails, landscapes, single updates, answers."""
