"""How a tool says that what it calls does not answer: kubectl and crane are both written in Go, and share its words."""

NETWORK = (
    "connection refused", "connection reset", "no such host", "no route to host", "i/o timeout", "TLS handshake timeout",
    ": EOF", "unexpected EOF",
)  # fmt: skip


def says(said, *signs):
    """Whether a tool says that the network, or one of its own `signs`, stands in the way: the same call may succeed later."""
    return any(sign in said for sign in (*NETWORK, *signs))
