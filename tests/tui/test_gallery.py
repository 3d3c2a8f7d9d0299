"""The keys of the gallery."""

from dataclasses import replace

import pytest

from sim.problems import registry
from tui import gallery


@pytest.mark.parametrize("more", [0, 1, 9])
def test_whatever_is_offered_has_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    problems = dict(registry())
    first = next(iter(problems.values()))
    problems |= {f"further{n}": replace(first, name=f"further{n}") for n in range(more)}
    monkeypatch.setattr(gallery, "registry", lambda: problems)
    keys = [choice.key for choice in gallery.choices()]
    assert keys[:9] == list("123456789")
    assert all(len(key) == 1 for key in keys), "a key of two characters cannot be pressed"
    assert len({*keys, "q", "P"}) == len(problems) + 2 + 2, "q and P close the gallery; every key opens one thing"
    assert {choice.name: choice.key for choice in gallery.choices() if choice.is_model} == {"mlp": "m", "cnn": "c"}
