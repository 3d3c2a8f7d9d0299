"""How it is minimised: which examples, which step, whose turn."""
