"""How long the app keeps a connection on which nothing comes."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from listener import IDLE_SECONDS, KEPT_SECONDS, Listener

HOUR = 3600  # what Envoy keeps an idle connection for


@pytest.fixture
def listener() -> Iterator[Listener]:
    def answer(_environ, start_response):
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    made = Listener(answer, "127.0.0.1", 0, threads=1, body_bar=1024)
    threading.Thread(target=made.run, daemon=True).start()
    yield made
    with contextlib.suppress(OSError):
        made.close()


@contextlib.contextmanager
def connected(listener: Listener, sent: bytes = b"", answered: bool = False) -> Iterator[None]:
    """A client that sends something, reads its answer where it gets one, and stays."""
    before = len(listener.active_channels)
    with socket.create_connection(("127.0.0.1", listener.effective_port), timeout=10) as client:
        client.sendall(sent)
        if answered:
            assert client.recv(1024).startswith(b"HTTP/1.1 200")
        wait_for(lambda: len(listener.active_channels) > before)
        [channel] = listener.active_channels.values()
        wait_for(lambda: channel.waits_for_next() if answered else bool(channel.request) == bool(sent))
        yield


def wait_for(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.01)


def closed_after(listener: Listener, seconds: float) -> bool:
    [channel] = listener.active_channels.values()
    listener.maintenance(channel.last_activity + seconds)
    return channel.will_close


def test_a_gateway_that_keeps_a_connection_is_the_first_to_close_it(listener: Listener) -> None:
    with connected(listener, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", answered=True):
        assert not closed_after(listener, HOUR + 30)
        assert closed_after(listener, KEPT_SECONDS + 1)


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"])
def test_a_connection_on_which_no_request_was_whole_is_closed_soon(listener: Listener, sent: bytes) -> None:
    with connected(listener, sent):
        assert not closed_after(listener, IDLE_SECONDS - 1)
        assert closed_after(listener, IDLE_SECONDS + 1)


def test_a_second_request_that_stays_away_in_its_middle_is_not_waited_for(listener: Listener) -> None:
    both = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT"
    with connected(listener, both, answered=False):
        [channel] = listener.active_channels.values()
        wait_for(lambda: channel.answered)
        assert closed_after(listener, IDLE_SECONDS + 1)
