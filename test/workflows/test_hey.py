"""hey's report, on what hey 0.1.4 really printed."""

import pytest

import conftest
from lib import hey

RECORDED = conftest.RECORDED / "hey"

CASES = {  # report: (total, errors, success %, whether a p95 is known)
    "good": (100, 0, 100.0, True),
    "flaky": (100, 0, 80.0, True),
    "reset": (100, 25, 75.0, True),  # errors stand in no status code and in no latency
    "slow": (100, 0, 100.0, True),
    "timeout": (20, 20, 0.0, False),
    "refused": (20, 20, 0.0, False),
    "few": (10, 0, 100.0, False),  # hey prints `0% in 0.0000 secs` in place of the 95 % line
}


@pytest.mark.parametrize("report", CASES)
def test_recorded(report):
    result = hey.parse((RECORDED / f"{report}.txt").read_text())
    total, errors, success, known = CASES[report]
    assert (result.total, result.errors, result.success_percent) == (total, errors, success)
    assert (result.p95_ms is not None) == known


def test_percentile_is_in_milliseconds():
    assert hey.parse((RECORDED / "slow.txt").read_text()).p95_ms > 2300


@pytest.mark.parametrize(
    "report", ["", "Summary:\n", "95% in 0.1 secs", "Status code distribution:\n  [200]\t", "\x00" * 100]
)
def test_missing_is_missing(report):
    result = hey.parse(report)
    assert result.success_percent is None and result.p95_ms is None
