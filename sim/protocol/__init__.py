"""What crosses the border between the engine and whoever asks it: commands, answers, the trace."""
