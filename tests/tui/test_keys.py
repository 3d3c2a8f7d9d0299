"""Every key does something."""

import pytest

from tui.app import GdsimApp
from tui.keys import KEYS


@pytest.mark.parametrize("action", sorted({key.action.partition("(")[0] for key in KEYS} | {"toggle_run"}))
def test_the_action_of_a_key_is_a_method_of_the_app(action: str) -> None:
    assert callable(getattr(GdsimApp, f"action_{action}", None)), f"write action_{action} in tui/actions.py"


def test_no_key_does_two_things() -> None:
    keys = [name for key in KEYS if key.key for name in key.key.split(",")]
    assert sorted(set(keys)) == sorted(keys)
