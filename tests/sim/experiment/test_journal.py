"""What is changed on the way, and when."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sim.experiment.choices import CLOCKS
from sim.experiment.errors import ConfigError
from sim.experiment.journal import ClockChange, clock_after, noted

CLOCK = st.sampled_from(list(CLOCKS))
JOURNALS = st.dictionaries(st.integers(0, 20), CLOCK, max_size=8).map(
    lambda changes: tuple(ClockChange(moment, changes[moment]) for moment in sorted(changes))
)


@given(journal=JOURNALS, change=st.builds(ClockChange, st.integers(0, 20), CLOCK))
def test_a_change_replaces_those_at_its_moment_or_later(journal, change):
    expected = {one.moment: one for one in journal if one.moment < change.moment} | {change.moment: change}
    found = noted(journal, change)
    assert found == tuple(expected.values())
    moments = [one.moment for one in found]
    assert moments == sorted(set(moments))


@given(clock=CLOCK, journal=JOURNALS, moment=st.integers(0, 25))
def test_the_clock_at_a_moment_is_that_of_the_last_change_up_to_it(clock, journal, moment):
    expected = clock
    for change in journal:
        expected = change.clock if change.moment <= moment else expected
    assert clock_after(clock, journal, moment) == expected


@pytest.mark.parametrize(
    ("moment", "clock", "words"), [(-1, "updates", "0 or more, not -1"), (3, "example", "did you mean 'examples'")]
)
def test_what_is_wrong_with_a_change_is_said(moment, clock, words):
    with pytest.raises(ConfigError, match=words):
        ClockChange(moment, clock)
