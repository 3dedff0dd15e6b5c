"""Requests over HTTP, with the standard library alone: importing a client would cost more than the requests."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")


class Unreachable(Exception):
    """No answer: refused, reset, timed out or no such name."""


def request(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 10.0,
) -> tuple[int, str]:
    """Status and text of the answer, whatever its status; raises Unreachable when there is none."""
    call = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(call, timeout=timeout) as answer:
            return answer.status, answer.read(1 << 24).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(1 << 20).decode("utf-8", "replace")
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise Unreachable(str(getattr(error, "reason", error))) from error
    except Exception as error:  # http.client has errors of its own for an answer that breaks off
        raise Unreachable(f"{type(error).__name__}: {error}") from error


def download(url: str, path: Path, limit: int, timeout: float = 60.0) -> None:
    """Writes the body of a 200 answer to `path`, at most `limit` bytes; raises Unreachable for any other answer."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer, path.open("wb") as file:
            while chunk := answer.read(1 << 20):
                file.write(chunk)
                if file.tell() > limit:
                    raise Unreachable(f"more than {limit} bytes")
    except Unreachable:
        raise
    except Exception as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error


def poll(check: Callable[[], Result], seconds: float, interval: float = 0.2) -> Result:
    """Calls `check` until it returns something true or `seconds` have passed; returns its last result."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result or time.monotonic() >= deadline:
            return result
        time.sleep(min(interval, max(0.0, deadline - time.monotonic())))
