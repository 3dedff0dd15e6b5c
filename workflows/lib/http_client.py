"""Requests over HTTP, with the standard library alone: importing a client would cost more than the requests."""

import hashlib
import http.client
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar

Result = TypeVar("Result")


# Statuses of a server that may answer the same request later.
TRANSIENT_STATUSES = (408, 425, 429, 500, 502, 503, 504)


class Unreachable(Exception):
    """No whole answer: refused, reset, timed out, broken off, no such name, or a status of TRANSIENT_STATUSES."""


class Refused(Exception):
    """An answer that stays as it is: not there, too large, or another content."""


def request(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 10.0,
) -> tuple[int, str]:
    """Status and text of the answer, whatever its status; raises Unreachable when there is no whole one."""
    call = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(call, timeout=timeout) as answer:
            content = answer.read(1 << 24)
            _require_whole(answer, len(content))
            return answer.status, content.decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, _said(error, 1 << 20)
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise Unreachable(str(getattr(error, "reason", error))) from error
    except Exception as error:  # http.client has errors of its own for an answer that breaks off
        raise Unreachable(f"{type(error).__name__}: {error}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def post(url: str, body: bytes, headers: Mapping[str, str], seconds: int) -> int:
    """
    Status of the answer to a body, whatever its text. Follows no redirect: the body is for this address alone. Takes at
    most `seconds`, however slowly the answer comes. Raises Unreachable with the kind of failure, and never the URL,
    which may be a secret. To be called from the main thread.
    """
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        call = urllib.request.Request(url, data=body, method="POST", headers=dict(headers))
        with _time_limit(seconds), opener.open(call, timeout=seconds) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except Exception as error:  # whatever a URL or a server leads to; its text may name the URL
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise Unreachable(type(cause).__name__) from None


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    """A socket's own timeout begins anew with each byte."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def download(url: str, path: Path, limit: int, sha256: str | None = None, timeout: float = 60.0) -> None:
    """
    Fetches a file of at most `limit` bytes. `path` is there when it is whole, and never before. Raises Unreachable when
    it broke off, or Refused: another status, too large, or another hash than `sha256`, in hexadecimal digits.
    """
    part, digest = path.with_name(f"{path.name}.part"), hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer, part.open("wb") as file:
            while chunk := answer.read(1 << 20):
                file.write(chunk)
                digest.update(chunk)
                if file.tell() > limit:
                    raise Refused(f"it has more than {limit} bytes")
            _require_whole(answer, file.tell())
    except urllib.error.HTTPError as error:
        said = f"status {error.code}: {_said(error, 1 << 10)[:200]}"
        raise (Unreachable if error.code in TRANSIENT_STATUSES else Refused)(said) from error
    except (Refused, Unreachable):
        raise
    except Exception as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error
    require_hash(digest.hexdigest(), sha256)
    part.replace(path)


def require_hash(found: str, registered: str | None) -> None:
    """Raises Refused where a file's SHA-256 is not the registered one; None: nobody wrote one down."""
    if registered and found != registered:
        raise Refused(f"its SHA-256 is {found}, and it was registered with {registered}")


def _said(error: urllib.error.HTTPError, limit: int) -> str:
    """The text of an error, or what came of it: the status is known, whatever becomes of its explanation."""
    with error:
        try:
            return error.read(limit).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as broken:
            return f"({type(broken).__name__} while its text was read)"


def _require_whole(answer: http.client.HTTPResponse, received: int) -> None:
    """Raises Unreachable where bytes are missing that the server announced: urllib does not, if it reads by parts."""
    if answer.length is None and not answer.chunked:
        raise Unreachable("the headers of the answer broke off: they do not say how long it is")
    if answer.length:
        raise Unreachable(f"the answer broke off after {received} bytes, {answer.length} before its end")


def poll(check: Callable[[], Result], seconds: float, interval: float = 0.2) -> Result:
    """Calls `check` until it returns something true or `seconds` have passed; returns its last result."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result or time.monotonic() >= deadline:
            return result
        time.sleep(min(interval, max(0.0, deadline - time.monotonic())))
