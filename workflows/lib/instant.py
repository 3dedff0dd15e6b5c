"""Instants as Kubernetes and the record write them."""

import datetime
import time

# Seconds since 1970 of the year 3000: nothing that the pipeline reads is later.
END_OF_TIME = 32_503_680_000


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as UTC, to the second: `2026-01-05T10:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def seconds(text: str) -> int | None:
    """Such a text in seconds since 1970; None where it is none."""
    try:
        parsed = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None
    return int(parsed.replace(tzinfo=datetime.UTC).timestamp())
