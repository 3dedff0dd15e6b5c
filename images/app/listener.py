"""How the app listens: waitress on its port, bounded against slow, idle and many clients.

waitress takes requests in on one thread, without blocking, and hands a request to a thread once it is complete. So slow
clients cost a socket and no thread. What it lacks is here: it stops to accept at its limit of connections, closes one
that is refused before the client has read why, and ends at once when told to.
"""

import ctypes
import json
import re
import resource
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import RequestEntityTooLarge

# Open connections; with one more, the one that has been idle for longest is closed.
CONNECTIONS_BAR = 500
# Seconds in which nothing came, and in which a request, from its first byte to its last, has to come.
IDLE_SECONDS = 20
REQUEST_SECONDS = 60
# The same of a connection that waits for its next request. A gateway keeps it, and loses a request that it sends just
# as the app closes it. So the gateway is to be first: Envoy closes it after 3600 seconds, others earlier.
KEPT_SECONDS = 3700
# Bytes of a request's header, and of its body that stay in memory; the rest of the body goes to a temporary file.
HEADER_BAR = 16 * 1024
BODY_IN_MEMORY = 16 * 1024
# Seconds, and bytes, for which a client whose request is refused may go on sending it: it reads the answer thereafter.
LINGER_SECONDS = 5
LINGER_BYTES = 64 * 2**20

# Told of an answer that is about to be sent: path, status, seconds since its request was whole, `X-Probe` and `Host`.
Watcher = Callable[[str, int, float, str | None, str], None]


class TooLarge(RequestEntityTooLarge):
    """The app's own sentence for a body that is refused at its header."""

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Status, headers and body, as waitress asks for them."""
        body = json.dumps({"error": self.body}).encode()
        return "413 Request Entity Too Large", [("Content-Type", "application/json")], body


class Parser(HTTPRequestParser):
    """A request as it comes in."""

    # Known once the header is whole.
    path = ""

    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self.begun = self.whole = time.monotonic()

    def parse_header(self, header_plus: bytes) -> None:
        """Reads the header. waitress closes the connection without an answer where an address is no URL."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError("Bad URI") from error

    def received(self, data: bytes) -> int:
        """Takes bytes in, and says how many of them belong to this request."""
        consumed = super().received(data)
        if isinstance(self.error, RequestEntityTooLarge):
            bar = self.adj.max_request_body_size / 2**20
            self.error = TooLarge(f"the request is larger than the {bar:g} MiB that this app takes")
            # Else waitress tells a client that asks first to send it all the same.
            self.expect_continue = False
        if self.completed:
            self.whole = time.monotonic()
        return consumed


class Answer(Task):
    """An answer of any kind: the app's, or a refusal."""

    def build_response_header(self) -> bytes:
        """Adds what every answer carries. Who counts is told before the client can know the answer."""
        listener, request = self.channel.server, self.request
        self.channel.answered = True
        self.response_headers.extend(listener.headers)
        if listener.ending:  # The client comes again on another connection, and another pod takes that.
            self.set_close_on_finish()
        if listener.watcher is not None:
            # More than one slash leads to the same page.
            path = re.sub("^/+", "/", request.path)
            seconds = time.monotonic() - request.whole
            probe, host = request.headers.get("X_PROBE"), request.headers.get("HOST", "")
            listener.watcher(path, int(self.status[:3]), seconds, probe, host)
        return super().build_response_header()


class AppAnswer(Answer, WSGITask):
    """What the app answers."""


class Refusal(Answer, ErrorTask):
    """The answer to a request that is none, or too large."""

    def execute(self) -> None:
        """Answers, on a thread of its own."""
        self.channel.refused = True
        super().execute()


class Channel(HTTPChannel):
    """One connection."""

    parser_class = Parser
    task_class = AppAnswer
    error_task_class = Refusal
    lingers_until: float | None = None
    lingered = 0
    refused = False
    answered = False

    def handle_close(self) -> None:
        """Closes, but after a refusal only the sending half at first: closing both would take the answer away."""
        if self.refused and self.lingers_until is None and self.connected:
            self.lingers_until = time.monotonic() + LINGER_SECONDS
            self.will_close = False
            try:
                self.socket.shutdown(socket.SHUT_WR)
                return
            except OSError:
                pass
        super().handle_close()

    def readable(self) -> bool:
        """Whether bytes are waited for."""
        return self.lingers_until is not None or super().readable()

    def writable(self) -> bool:
        """Whether there is something to send, or to end."""
        if self.lingers_until is not None:
            return time.monotonic() > self.lingers_until or self.lingered > LINGER_BYTES
        return super().writable()

    def handle_write(self) -> None:
        """Sends, or ends the lingering."""
        if self.lingers_until is not None:
            super().handle_close()
        else:
            super().handle_write()

    def handle_read(self) -> None:
        """Reads, and while lingering throws away."""
        if self.lingers_until is None:
            super().handle_read()
            return
        try:
            self.lingered += len(self.recv(65536))
        except OSError:
            super().handle_close()

    def at_work(self) -> bool:
        """Whether a request is coming in, is answered, or its answer is not yet sent."""
        return bool(self.requests or self.total_outbufs_len or self.request is not None)

    def waits_for_next(self) -> bool:
        """Whether all that came was answered."""
        return self.answered and not self.at_work()


class Listener(TcpWSGIServer):
    """One port. `headers` are on every answer."""

    channel_class = Channel
    # Whether the app is told to end: every answer then closes its connection.
    ending = False

    def __init__(
        self,
        app: Callable[..., Any],
        host: str,
        port: int,
        threads: int,
        body_bar: int,
        connections_bar: int = CONNECTIONS_BAR,
        headers: Sequence[tuple[str, str]] = (),
        watcher: Watcher | None = None,
    ) -> None:
        self.connections_bar, self.headers, self.watcher = connections_bar, headers, watcher
        super().__init__(
            app,
            host=host,
            port=port,
            threads=threads,
            backlog=1024,
            # Never reached: `readable` makes room before.
            connection_limit=10 * connections_bar,
            channel_timeout=KEPT_SECONDS,
            cleanup_interval=2,
            max_request_header_size=HEADER_BAR,
            max_request_body_size=body_bar,
            inbuf_overflow=BODY_IN_MEMORY,
            asyncore_use_poll=True,
            ident=None,
        )

    def readable(self) -> bool:
        """Whether a new connection is taken: always, since the one that has been idle for longest makes room."""
        channels = list(self.active_channels.values())
        if len(channels) >= self.connections_bar:
            idle = [each for each in channels if not each.requests and not each.will_close]
            if idle:
                min(idle, key=lambda each: each.last_activity).will_close = True
        return super().readable()

    def maintenance(self, now: float) -> None:
        """Closes what has been idle, and what sends its request too slowly."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if not (channel.requests or channel.waits_for_next()) and now - channel.last_activity > IDLE_SECONDS:
                channel.will_close = True
            coming = channel.request
            if coming is not None and time.monotonic() - coming.begun > REQUEST_SECONDS:
                channel.will_close = True

    def quiet(self) -> bool:
        """Whether no request is at work."""
        return not any(each.at_work() for each in list(self.active_channels.values()))


def allow_open_files() -> None:
    """Lets the process have as many files open as its connections may need, if the system admits as many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    # A connection has a socket, and up to two temporary files of its body. The rest is for all else.
    wanted = 4 * CONNECTIONS_BAR
    enough = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


def return_freed_memory() -> None:
    """Has glibc keep one arena for all threads, and give each freed block of more than half a MiB back at once.

    By default each thread has an arena of its own, and the bar for blocks of their own grows to 32 MiB with use.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        arena_max, mmap_threshold = -8, -3
        mallopt(arena_max, 1)
        mallopt(mmap_threshold, 512 * 1024)
