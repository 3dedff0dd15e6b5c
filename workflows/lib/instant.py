"""Instants as Kubernetes and the record write them."""

import time


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as UTC, to the second: `2026-01-05T10:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
