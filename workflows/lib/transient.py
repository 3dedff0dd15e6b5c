"""Which failures of a tool may pass by themselves. kubectl and crane are both written in Go, and share its words."""

NETWORK_ERRORS = (
    "connection refused",
    "connection reset",
    "no such host",
    "no route to host",
    "i/o timeout",
    "TLS handshake timeout",
    "context deadline exceeded",
    "Client.Timeout exceeded",
    "network is unreachable",
    "broken pipe",
    "server misbehaving",  # a DNS server that answers with an error
    "Temporary failure in name resolution",
    "http2: client connection lost",
    "http2: server sent GOAWAY",
    "code = Unavailable",  # gRPC, as the API server passes on from its store
    ": EOF",
    "unexpected EOF",
)


def is_transient(message: str, *signs: str) -> bool:
    """Whether a tool's message names a network error, or one of its own `signs`: the same call may succeed later."""
    return any(sign in message for sign in (*NETWORK_ERRORS, *signs))
