"""Tests of the recorder of a loop of one's own."""
