"""http_client.py: what is fetched is whole, or it is fetched again."""

import hashlib
import socket
import threading

import pytest

from lib import http_client

BODY = b"weights" * 1000  # 7000 bytes
SHA256 = hashlib.sha256(BODY).hexdigest()


def headers(status="200 OK", length=7000):
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()


@pytest.fixture
def serve():
    """Answers the next connection with these bytes, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer(said):
            def once():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(said)

            threading.Thread(target=once, daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}/food11.onnx"

        yield answer


def test_a_file_that_is_whole_is_there(serve, tmp_path):
    http_client.download(serve(headers() + BODY), tmp_path / "model", 1 << 20, SHA256)
    assert (tmp_path / "model").read_bytes() == BODY and len(list(tmp_path.iterdir())) == 1


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
BROKEN = {
    "after-some-bytes": headers() + BODY[:1000],
    "before the first byte": headers(),
    "in-a-chunk": CHUNKED + b"1b58\r\n" + BODY[:1000],
    "between two chunks": CHUNKED + b"7\r\nweights\r\n",
    "in-the-headers": b"HTTP/1.1 200 OK\r\nContent-Le",
    "before-the-headers": b"",
    **{str(code): headers(f"{code} x", 4) + b"busy" for code in http_client.TRANSIENT_STATUSES},
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_breaks_off_is_to_be_fetched_again(serve, tmp_path, case):
    with pytest.raises(http_client.Unreachable):
        http_client.download(serve(BROKEN[case]), tmp_path / "model", 1 << 20, SHA256)
    assert not (tmp_path / "model").exists()


def test_how_much_came_is_said(serve, tmp_path):
    with pytest.raises(http_client.Unreachable, match="the answer broke off after 1000 bytes, 6000 before its end"):
        http_client.download(serve(headers() + BODY[:1000]), tmp_path / "model", 1 << 20)


REFUSED = {
    "too large": (headers() + BODY, 1000, None, "it has more than 1000 bytes"),
    "another content": (
        headers(length=7) + b"another",
        1 << 20,
        SHA256,
        f"its SHA-256 is {hashlib.sha256(b'another').hexdigest()}, and it was registered with {SHA256}",
    ),
    "not there": (headers("404 Not Found", 4) + b"gone", 1 << 20, None, "status 404: gone"),
    "not allowed": (headers("403 Forbidden", 0), 1 << 20, None, "status 403: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_stays_wrong_is_refused(serve, tmp_path, case):
    said, limit, sha256, why = REFUSED[case]
    with pytest.raises(http_client.Refused) as refused:
        http_client.download(serve(said), tmp_path / "model", limit, sha256)
    assert str(refused.value) == why and not (tmp_path / "model").exists()


def breaking(status):
    """An error whose text breaks off inside a chunk."""
    return f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode() + b"1b58\r\nbusy"


@pytest.mark.parametrize("status,kind", [("503 x", http_client.Unreachable), ("404 x", http_client.Refused)])
def test_an_error_whose_text_breaks_off_has_its_status(serve, tmp_path, status, kind):
    said = f"status {status[:3]}: (IncompleteRead while its text was read)"
    with pytest.raises(kind) as failure:
        http_client.download(serve(breaking(status)), tmp_path / "model", 1 << 20)
    assert str(failure.value) == said
    assert http_client.request(serve(breaking(status))) == (int(status[:3]), said.partition(": ")[2])


@pytest.mark.parametrize("case", ["after-some-bytes", "in-a-chunk", "in-the-headers", "before-the-headers"])
def test_an_answer_that_breaks_off_is_none(serve, case):
    with pytest.raises(http_client.Unreachable):
        http_client.request(serve(BROKEN[case]))


def test_an_answer_has_its_status(serve):
    assert http_client.request(serve(headers("404 Not Found", 4) + b"gone")) == (404, "gone")
    assert http_client.request(serve(headers(length=2) + b"{}")) == (200, "{}")
