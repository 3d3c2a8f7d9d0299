"""What is seen of the runs: planes, trails, landscapes, single updates, clouds of possible steps, predictions."""
