"""Recordings: what the runs did, in a file. Imports no torch."""
