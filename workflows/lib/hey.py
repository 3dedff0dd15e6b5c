"""
Reads the report of hey. It prints no success rate, counts transport errors only under `Error distribution`,
gives percentiles in seconds, and ends with exit code 0 even when every request failed.
"""

import re
from dataclasses import dataclass

_SECTION = re.compile(r"^(Status code|Error|Latency) distribution:\s*$", re.M)
_STATUS = re.compile(r"^\s*\[(\d{3})\]\s+(\d+) responses\s*$", re.M)
_ERROR = re.compile(r"^\s*\[(\d+)\]\s+\S", re.M)
_P95 = re.compile(r"^\s*95%+ in (\d+\.\d+) secs\s*$", re.M)


@dataclass
class Result:
    """`codes` counts answers by status, `errors` requests without an answer, `p95_ms` is None when hey gave none."""

    codes: dict[int, int]
    errors: int
    p95_ms: float | None

    @property
    def total(self) -> int:
        """Requests that hey sent: those with an answer and those without."""
        return sum(self.codes.values()) + self.errors

    @property
    def success_percent(self) -> float | None:
        """Share of requests with a 2xx answer, 0 to 100; None when hey counted nothing."""
        good = sum(count for code, count in self.codes.items() if 200 <= code < 300)
        return round(100 * good / self.total, 2) if self.total else None

    def figures(self) -> dict[str, float | None]:
        """The figures for the record."""
        return {
            "requests": self.total,
            "errors": self.errors,
            "successPercent": self.success_percent,
            "p95Ms": self.p95_ms,
        }


def parse(report: str) -> Result:
    """Result of a report; what is missing in it counts as missing, never as good."""
    pieces = _SECTION.split(report)
    sections = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    codes = {int(code): int(count) for code, count in _STATUS.findall(sections.get("Status code", ""))}
    errors = sum(int(count) for count in _ERROR.findall(sections.get("Error", "")))
    p95 = _P95.search(sections.get("Latency", ""))
    return Result(codes, errors, round(float(p95.group(1)) * 1000, 1) if p95 else None)
