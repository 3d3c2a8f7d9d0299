"""What changes while the screen is open: the engine's process, the record, the player."""
