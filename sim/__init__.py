"""The engine of gdsim: descents, problems, landscapes. Knows no terminal."""
