"""counted.py: a number with what it counts, in the right form."""

import pytest

from lib.counted import counted


@pytest.mark.parametrize("count,said", [(0, "0 pods"), (1, "1 pod"), (2, "2 pods")])
def test_counts_in_the_right_form(count, said):
    assert counted(count, "pod") == said


def test_takes_the_plural_that_is_no_mere_s():
    assert (counted(1, "query", "queries"), counted(3, "query", "queries")) == ("1 query", "3 queries")
