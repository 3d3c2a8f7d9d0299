"""What there is to know of a run: losses, gradients, planes, landscapes, answers."""
