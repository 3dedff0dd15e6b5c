"""
When the calendar allows promotions to an environment: windows that begin on a cron schedule and last some minutes. One
that denies wins over one that allows; with one that allows, an environment is closed outside of it. Pure.
"""

import datetime
import heapq
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lib import instant
from lib.errors import InvalidInput
from lib.inputs import Window

# How far ahead the next opening is looked for, and how many beginnings and ends of windows are looked at.
_HORIZON = datetime.timedelta(days=400)
_LOOKS = 20_000


def closed(windows: tuple[Window, ...], environment: str, now: float) -> str | None:
    """
    Why promotions to an environment are closed at `now` (seconds since 1970), and when they open next, as two
    sentences; None while they are open. Raises InvalidInput where nobody can tell when a window begins.
    """
    concerned = [window for window in windows if environment in window.environments]
    for window in concerned:
        _require_readable(window)
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    blocking = _blocking(concerned, moment)
    if blocking is None:
        return None
    opens = next((at for at in _changes(concerned, moment) if _blocking(concerned, at) is None), None)
    until = f"They open at {instant.timestamp(opens.timestamp())}." if opens else "No opening is in sight."
    return f"Promotions to {environment} are closed {blocking}. {until}"


def _require_readable(window: Window) -> None:
    from cronsim import CronSim, CronSimError  # no step of a stack without windows needs it

    try:
        CronSim(window.schedule, datetime.datetime.now(ZoneInfo(window.zone)))
    except (CronSimError, ZoneInfoNotFoundError, ValueError):
        raise InvalidInput(
            f"The window {window.name} begins at {window.schedule!a} in {window.zone!a}, which nobody understands: "
            f"write pipeline.windows.{window.name} anew, and run pulumi up."
        ) from None


def _blocking(windows: list[Window], at: datetime.datetime) -> str | None:
    """What closes an environment at a moment, in words; None where nothing does."""
    denying = next((window for window in windows if window.kind == "deny" and _is_active(window, at)), None)
    if denying:
        return f"by the window {_named(denying)}"
    allowing = [window for window in windows if window.kind == "allow"]
    if not allowing or any(_is_active(window, at) for window in allowing):
        return None
    return f"outside of the window {' and '.join(map(_named, allowing))}"


def _named(window: Window) -> str:
    return f"{window.name} ({window.description})" if window.description else window.name


def _is_active(window: Window, at: datetime.datetime) -> bool:
    """Whether a window has begun at a moment, or before, and not ended."""
    begun = _last_beginning(window, at)
    return begun is not None and at < begun + datetime.timedelta(minutes=window.minutes)


def _changes(windows: list[Window], after: datetime.datetime) -> Iterator[datetime.datetime]:
    """The moments at which an environment may open: a window that allows begins, or one that denies ends."""
    moments = heapq.merge(*(_openings(window, after) for window in windows))
    for _, at in zip(range(_LOOKS), moments, strict=False):
        if at > after + _HORIZON:
            return
        yield at


def _openings(window: Window, after: datetime.datetime) -> Iterator[datetime.datetime]:
    if window.kind == "allow":
        yield from _beginnings(window, after)
        return
    lasts = datetime.timedelta(minutes=window.minutes)
    for begins in _beginnings(window, after - lasts - datetime.timedelta(seconds=1)):
        if begins + lasts > after:
            yield begins + lasts


def _last_beginning(window: Window, at: datetime.datetime) -> datetime.datetime | None:
    """When a window began last, at a moment or before; None where it never did."""
    is_hour_again = at.astimezone(ZoneInfo(window.zone)).fold == 1
    # Backwards, the moment itself is left out. In an hour that comes again, a window that began when it came first has
    # a later local time. No clock is put back by more than two hours.
    ahead = datetime.timedelta(hours=2) if is_hour_again else datetime.timedelta(seconds=1)
    return next((begun for begun in _run(window, at + ahead, backwards=True) if begun <= at), None)


def _beginnings(window: Window, start: datetime.datetime) -> Iterator[datetime.datetime]:
    """When a window begins after `start`, from there on; in UTC."""
    # From within an hour that comes again, the run begins in the first of the two.
    return (begins for begins in _run(window, start) if begins > start)


def _run(window: Window, start: datetime.datetime, backwards: bool = False) -> Iterator[datetime.datetime]:
    """When a window begins, from `start` on or back by local times: of two equal ones, `start` counts as either."""
    from cronsim import CronSim

    for begins in CronSim(window.schedule, start.astimezone(ZoneInfo(window.zone)), reverse=backwards):
        yield begins.astimezone(datetime.UTC)
