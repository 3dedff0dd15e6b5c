"""outputs.py: text that passes through a template unharmed."""

from lib import outputs


def test_an_output_is_one_short_line_of_ascii():
    assert outputs.clean("caf\u00e9\n\t{{x}}") == "caf? { {x} }"
    assert outputs.clean("{{{={'a': 1}}}") == "{ { {={'a': 1} } }"
    assert outputs.clean("x" * 500) == "x" * 500 and outputs.clean("x" * 501) == "x" * 497 + "..."
