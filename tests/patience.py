"""How long a test waits for what is to come before it fails."""

PATIENCE = 100.0  # seconds: a deadline for a machine that does much else, not a pause
