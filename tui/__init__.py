"""The terminal side of gdsim. Imports no torch."""
