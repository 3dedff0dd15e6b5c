"""transient.py: a row for each network error, as Go's libraries word it inside a message of kubectl or crane."""

import pytest

from lib import transient

ASKED = 'Get "https://10.0.0.1:443/api/v1/namespaces/production/pods"'
MESSAGES = {
    "connection refused": f"{ASKED}: dial tcp 10.0.0.1:443: connect: connection refused",
    "connection reset": f"{ASKED}: read tcp 10.0.0.2:4096->10.0.0.1:443: read: connection reset by peer",
    "no such host": "dial tcp: lookup registry.invalid on 10.0.0.1:53: no such host",
    "no route to host": "dial tcp 10.0.0.1:443: connect: no route to host",
    "i/o timeout": "dial tcp 10.0.0.1:443: i/o timeout",
    "TLS handshake timeout": f"{ASKED}: net/http: TLS handshake timeout",
    "context deadline exceeded": f"{ASKED}: context deadline exceeded",
    "Client.Timeout exceeded": f"{ASKED}: net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
    "network is unreachable": "dial tcp 10.0.0.1:443: connect: network is unreachable",
    "broken pipe": "write tcp 10.0.0.2:4096->10.0.0.1:443: write: broken pipe",
    "server misbehaving": "dial tcp: lookup registry on 10.0.0.1:53: server misbehaving",
    "Temporary failure in name resolution": "dial tcp: lookup registry: Temporary failure in name resolution",
    "http2: client connection lost": f"{ASKED}: http2: client connection lost",
    "http2: server sent GOAWAY": f"{ASKED}: http2: server sent GOAWAY and closed the connection; LastStreamID=1",
    "code = Unavailable": "Error from server: rpc error: code = Unavailable desc = transport is closing",
    ": EOF": f"{ASKED}: EOF",
    "unexpected EOF": "unexpected error when reading response body. Please retry. Original error: unexpected EOF",
}
FINAL = [
    'Error from server (Forbidden): pods "x" is forbidden',
    "error: You must be logged in to the server (Unauthorized)",
    f"{ASKED}: tls: failed to verify certificate: x509: certificate signed by unknown authority",
    'error: Apply failed with 1 conflict: conflict with "kubectl-edit"',
    "GET https://registry/v2/app/manifests/x: UNAUTHORIZED: authentication required",
]


def test_every_network_error_has_its_row():
    assert tuple(MESSAGES) == transient.NETWORK_ERRORS


@pytest.mark.parametrize("sign", MESSAGES)
def test_a_network_error_may_pass(sign):
    found = [known for known in transient.NETWORK_ERRORS if known in MESSAGES[sign]]
    assert sign in found and transient.is_transient(MESSAGES[sign])


@pytest.mark.parametrize("message", FINAL)
def test_what_stays_refused_is_final(message):
    assert not transient.is_transient(message)


def test_a_tool_has_signs_of_its_own():
    assert transient.is_transient("Error from server (Conflict): modified", "(Conflict)")
