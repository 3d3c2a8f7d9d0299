"""While modules load nobody looks for garbage, and nobody looks through what they made ever after."""

import gc

import pytest

from sim.loading import loading


def test_garbage_is_looked_for_again_whatever_happened_while_modules_loaded() -> None:
    made: list[object] = []

    def load() -> None:
        with loading():
            assert not gc.isenabled()
            made.append([])
            raise ImportError

    with pytest.raises(ImportError):
        load()
    assert gc.isenabled()
    assert all(one is not made[0] for one in gc.get_objects())
    gc.unfreeze()
    assert any(one is made[0] for one in gc.get_objects())
