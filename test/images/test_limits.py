"""The app under real people: hostile pictures, idle and slow and many clients, large requests, and its end."""

import contextlib
import http.client
import io
import json
import os
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from conftest import App, onnx_model
from hostile_pictures import HOSTILE, noise

MIB = 2**20
# Of the 256 MiB that the Deployment allows.
PEAK_BAR = 200 * MIB
pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="reads the peak from /proc")


def heavy_model(path: Path, blocks: int = 1) -> None:
    """A model with the weights (14 MiB) and the activations (two of 6 MiB) of a MobileNetV2.

    A block takes some milliseconds, so `blocks` make it slow.
    """
    rng = np.random.default_rng(0)
    nodes = [helper.make_node("Conv", ["picture", "kernel"], ["x0"])]
    for block in range(blocks):
        nodes.append(helper.make_node("Sigmoid", [f"x{block}"], [f"x{block + 1}"]))
    nodes += [
        helper.make_node("ReduceMean", [f"x{blocks}"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "wide"], ["middle"]),
        helper.make_node("MatMul", ["middle", "last"], ["scores"]),
    ]
    weights = {"kernel": (32, 3, 1, 1), "wide": (32, 80_000), "last": (80_000, 11)}
    graph = helper.make_graph(
        nodes,
        "heavy",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 11])],
        [
            numpy_helper.from_array(rng.normal(0, 0.01, shape).astype(np.float32), name)
            for name, shape in weights.items()
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def healthy_in(app: App) -> float:
    """Seconds that `/healthz` takes; fails unless it is answered well in ten."""
    begun = time.monotonic()
    status, _, body = app.get("/healthz", timeout=10)
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    return time.monotonic() - begun


class Watch:
    """Asks `/healthz` every 0.2 seconds while something goes on, and keeps the longest time that it took."""

    def __init__(self, app: App) -> None:
        self.app, self.longest, self.wrong = app, 0.0, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            try:
                self.longest = max(self.longest, healthy_in(self.app))
            except (OSError, AssertionError, http.client.HTTPException):
                self.wrong += 1

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_there_are_enough_hostile_pictures() -> None:
    assert len(HOSTILE) >= 40
    assert len({name.split(":")[0] for name in HOSTILE}) >= 10


def test_the_table_of_the_measurements_has_every_hostile_picture() -> None:
    page = (Path(__file__).parents[2] / "docs" / "develop.md").read_text()
    table = page.partition("| format | pictures | peak |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| (.+?) \| (\d+) \|", table, re.MULTILINE))
    others = int(rows.pop("all others, which are refused"))
    formats = Counter(name.split(":")[0] for name in HOSTILE)
    assert {name: int(count) for name, count in rows.items()} == {name: formats[name.lower()] for name in rows}
    assert sum(map(int, rows.values())) + others == len(HOSTILE)
    accepted = {name.split(":")[0] for name in HOSTILE if ": ok" in name}
    assert accepted == {name.lower() for name in rows}


@pytest.mark.load
def test_hostile_pictures_are_answered_within_the_memory_of_the_pod(serve, tmp_path) -> None:
    heavy_model(tmp_path / "food11.onnx")
    app = serve()
    app.get("/test")
    print(f"\n{app.peak() / MIB:6.0f} MiB before")
    worst = 0
    for name, make in HOSTILE.items():
        picture = make()
        app.forget_peak()
        begun = time.monotonic()
        status, answer = app.predict(picture)
        took = time.monotonic() - begun
        print(f"{app.peak() / MIB:6.0f} MiB {took:6.2f} s  {status}  {name}  {answer.get('error', '')}")
        assert status == (200 if ": ok" in name else status), name
        assert status in (200, 400), name
        assert status == 200 or len(answer["error"]) > 20, name
        assert took < 15, name
        worst = max(worst, app.peak())
        assert worst < PEAK_BAR, name
    assert app.get("/test")[0] == 200


@pytest.mark.load
def test_eight_clients_with_large_pictures_take_the_memory_of_one(serve, tmp_path) -> None:
    heavy_model(tmp_path / "food11.onnx")
    app = serve()
    names = ["png: ok, 16 MP", "jpeg: ok, progressive 12 MP, 4:2:0", "png: cut in half"]
    pictures = [HOSTILE[name]() for name in names]
    with ThreadPoolExecutor(8) as many, Watch(app) as watch:
        assert [status for status, _ in many.map(app.predict, pictures[:1] * 16)] == [200] * 16
        assert Counter(status for status, _ in many.map(app.predict, pictures * 5)) == {200: 10, 400: 5}
    print(f"\n{app.peak() / MIB:.0f} MiB, /healthz {watch.longest:.2f} s")
    assert app.peak() < PEAK_BAR
    assert (watch.wrong, watch.longest < 1) == (0, True)


@pytest.mark.load
def test_sixty_clients_with_the_largest_requests_do_not_fill_the_memory(serve, tmp_path) -> None:
    heavy_model(tmp_path / "food11.onnx")
    app = serve()
    with ThreadPoolExecutor(60) as many:
        statuses = Counter(status for status, _ in many.map(app.predict, [b"x" * (8 * MIB - 1000)] * 60))
    print(f"\n{app.peak() / MIB:.0f} MiB, {statuses}")
    assert statuses == {400: 60}
    assert app.peak() < PEAK_BAR


@pytest.mark.parametrize(
    "data, said",
    [
        (
            "jpeg: progressive 48 MP",
            r"progressive JPEG of 8064 x 6048 pixels takes \d+ MiB to read, and this app has 64 MiB",
        ),
        ("jpeg: a pass a colour, 16 MP", r"of 4000 x 4000 pixels takes \d+ MiB"),
        ("jpeg: a thousand passes", r"1009 passes, and this app reads up to 64"),
        ("jpeg: says 30000 x 30000", r"30000 x 30000 pixels, and this app reads up to 200 million"),
        ("webp: 16 MP", r"WebP of 4000 x 4000 pixels takes 30\d MiB"),
        ("gif: 4 GP, to be disposed of", r"GIF of 65535 x 65535 pixels"),
        ("png: 36 MP", r"PNG of 6000 x 6000 pixels takes 13\d MiB"),
        ("bmp", "^BMP is not accepted: send a JPEG, PNG, WebP or GIF$"),
        ("heic", "^HEIC is not accepted"),
        ("jpeg 2000: 16 MP", "^JPEG 2000 is not accepted"),
        ("tiff: big", "^TIFF is not accepted"),
        ("no picture", "^that is no picture this app can read: send a JPEG, PNG, WebP or GIF$"),
    ],
)
def test_a_refusal_says_what_and_which_bar(data: str, said: str) -> None:
    from decode import PictureError, square

    with pytest.raises(PictureError, match=said):
        square(HOSTILE[data](), 224)


FORMATS = {"JPEG": {}, "progressive JPEG": {"progressive": True}, "PNG": {}, "WebP": {"lossless": True}, "GIF": {}}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_that_was_cut_off_is_said_to_end_too_early(kind: str) -> None:
    from decode import PictureError, square

    name = kind.rpartition(" ")[2]
    whole = noise(name.upper(), (90, 60), **FORMATS[kind])()
    assert square(whole, 32).shape == (32, 32, 3)
    for length in (20, 40, *range(50, len(whole) - 64, 97)):
        with pytest.raises(PictureError, match=f"^this {name} ends too early, .*: send the whole file$"):
            square(whole[:length], 32)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_that_is_whole_and_broken_is_not_said_to_end_too_early(kind: str) -> None:
    from decode import PictureError, square

    name = kind.rpartition(" ")[2]
    whole = noise(name.upper(), (90, 60), **FORMATS[kind])()
    with pytest.raises(PictureError, match=f"^that is no {name} this app can read: "):
        square(whole[:12] + bytes(len(whole) - 24) + whole[-12:], 32)


def idle(port: int, count: int, start: bytes = b"") -> Iterator[socket.socket]:
    """Connections that send nothing, or the start of something."""
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.sendall(start)
        yield connection


SLOW = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n"


@pytest.mark.load
@pytest.mark.parametrize("count, start", [(198, b""), (198, SLOW), (700, b""), (700, SLOW + bytes(3000))])
def test_connections_that_send_nothing_hold_nobody_up(serve, tmp_path, count: int, start: bytes) -> None:
    heavy_model(tmp_path / "food11.onnx")
    app = serve()
    connections = list(idle(app.port, count, start))
    try:
        took = healthy_in(app)
        assert app.get("/test", timeout=10)[0] == 200
        print(f"\n/healthz {took:.3f} s, {app.peak() / MIB:.0f} MiB")
        assert took < 1
        assert app.peak() < PEAK_BAR
    finally:
        for connection in connections:
            connection.close()


def test_healthz_does_not_wait_for_the_pictures_in_line(serve, tmp_path) -> None:
    heavy_model(tmp_path / "food11.onnx", blocks=24)
    app = serve()
    # More than may be in line.
    connections = list(idle(app.port, 100, b"GET /test HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert healthy_in(app) < 1
    for connection in connections:
        connection.close()


def test_healthz_names_a_picture_that_never_ends(client, tmp_path, monkeypatch) -> None:
    import model
    import server

    monkeypatch.setattr(server, "STUCK_SECONDS", 0)
    at_work, ends = threading.Event(), threading.Event()

    def never_ends(picture: bytes, _side: int) -> Image.Image:
        at_work.set()
        ends.wait(30)
        return Image.open(io.BytesIO(picture)).convert("RGB").resize((224, 224))

    monkeypatch.setattr(model, "square", never_ends)
    onnx_model(tmp_path / "food11.onnx")
    app = client()
    assert app.get("/healthz").status_code == 200
    picture = threading.Thread(target=lambda: app.application.test_client().get("/test"))
    picture.start()
    assert at_work.wait(30)
    answer = app.get("/healthz")
    ends.set()
    picture.join()
    assert (answer.status_code, answer.json) == (
        503,
        {"error": "one picture has been at work for more than 0 seconds"},
    )
    assert app.get("/healthz").status_code == 200


@pytest.mark.load
@pytest.mark.parametrize("clients", [10, 60, 120])
def test_many_clients_at_once_are_served_or_told_that_it_is_busy(serve, tmp_path, clients: int) -> None:
    # About 150 ms a picture: ten at once, as the load gate sends them, wait for up to its bar of 2 seconds.
    heavy_model(tmp_path / "food11.onnx", blocks=24)
    app = serve()
    app.get("/test")
    with ThreadPoolExecutor(clients) as many, Watch(app) as watch:
        answers = list(many.map(lambda _: app.get("/test", timeout=60), range(clients * 3)))
    statuses = Counter(status for status, _, _ in answers)
    print(f"\n{clients} clients: {dict(statuses)}, /healthz {watch.longest:.2f} s")
    assert set(statuses) <= ({200, 503} if clients > 64 else {200})
    assert statuses[200] >= 64 if clients > 64 else True
    for status, headers, body in answers:
        if status == 503:
            assert headers["retry-after"] == "1"
            assert "64 pictures are waiting already" in json.loads(body)["error"]
    assert (watch.wrong, watch.longest < 1) == (0, True)
    assert app.peak() < PEAK_BAR


def spooled(app: App) -> int:
    """Bytes of the files that the app has open and that have no name any more: its temporary files."""
    total = 0
    for entry, leads_to in app.open_files():
        if "(deleted)" in leads_to:
            with contextlib.suppress(FileNotFoundError):
                total += entry.stat().st_size
    return total


@pytest.mark.parametrize("asks_first", [True, False])
@pytest.mark.parametrize("length", [b"Content-Length: 734003200", b"Transfer-Encoding: chunked"])
def test_a_request_that_is_too_large_is_refused_at_its_header(serve, length: bytes, asks_first: bool) -> None:
    app = serve()
    expects = b"Expect: 100-continue\r\n" if asks_first else b""
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\n" + expects + length + b"\r\n\r\n")
        most = 0
        if length.startswith(b"Transfer"):  # Its length shows only as it comes.
            piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
            for _ in range(200):
                connection.sendall(piece)
                most = max(most, spooled(app))
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413
        assert json.loads(answer.read()) == {"error": "the request is larger than the 8 MiB that this app takes"}
        assert most <= 8 * MIB + 0x20000 if length.startswith(b"Transfer") else most == 0
        assert spooled(app) == 0
    healthy_in(app)


def test_a_client_that_sends_it_all_first_reads_the_refusal_too(serve) -> None:
    app = serve()
    status, answer = app.predict(b"x" * (30 * MIB))
    assert (status, "8 MiB" in answer["error"]) == (413, True)


def test_an_address_that_is_no_url_is_refused_with_an_answer(serve) -> None:
    app = serve()
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as connection:
        connection.sendall(b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 400
    healthy_in(app)


@pytest.mark.load
def test_told_to_end_it_answers_all_and_takes_new_ones_for_a_while(serve, tmp_path) -> None:
    heavy_model(tmp_path / "food11.onnx", blocks=24)
    app = serve(DRAIN_SECONDS="2")
    app.get("/test")
    with ThreadPoolExecutor(40) as many:
        in_flight = [many.submit(app.get, "/test") for _ in range(20)]
        time.sleep(0.2)
        app.process.terminate()
        later = []
        for _ in range(16):
            later.append(many.submit(app.get, "/test"))
            time.sleep(0.1)
        answers = Counter(each.result()[0] for each in in_flight + later)
        assert healthy_in(app) < 1
    print(f"\n{dict(answers)}")
    assert answers == {200: 36}
    assert app.process.wait(5) == 0


def test_told_to_end_it_sends_those_away_that_keep_their_connection(serve, tmp_path) -> None:
    heavy_model(tmp_path / "food11.onnx", blocks=2)
    app = serve(DRAIN_SECONDS="2")
    all_answered = threading.Barrier(21)

    def ask_until_told_to_leave() -> int:
        connection, answers = http.client.HTTPConnection("127.0.0.1", app.port, timeout=30), 0
        while True:
            connection.request("GET", "/test")
            answer = connection.getresponse()
            assert (answer.status, len(answer.read()) > 0) == (200, True)
            answers += 1
            if answer.getheader("Connection") == "close":
                return answers
            if answers == 1:
                all_answered.wait(30)

    with ThreadPoolExecutor(20) as many:
        clients = [many.submit(ask_until_told_to_leave) for _ in range(20)]
        all_answered.wait(30)
        app.process.terminate()
        assert app.process.wait(10) == 0
        assert all(client.result() > 1 for client in clients)


def test_where_its_model_hangs_it_does_not_end_as_if_it_was_asked_to(tmp_path):
    onnx_model(tmp_path / "food11.onnx")
    hangs = "import model, time\nmodel.square = lambda *_: time.sleep(99)\n"
    app = App(tmp_path, f"{hangs}server.STUCK_SECONDS, server.FINISH_SECONDS = 0.1, 0.1")
    with contextlib.suppress(TimeoutError):
        app.predict(b"a picture", timeout=0.5)
    assert app.get("/healthz")[0] == 503
    assert app.end() == 1


def test_told_to_end_with_a_slow_upload_it_waits_for_it(serve, tmp_path) -> None:
    heavy_model(tmp_path / "food11.onnx")
    app = serve(DRAIN_SECONDS="0")
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + HOSTILE["bmp"]()[:1000]
        + b"\r\n--b--\r\n"
    )
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as connection:
        header = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        connection.sendall(header + b"Content-Length: %d\r\n\r\n" % len(body) + body[:300])
        time.sleep(0.3)
        app.process.terminate()
        time.sleep(1)
        connection.sendall(body[300:])
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, "BMP" in json.loads(answer.read())["error"]) == (400, True)
    assert app.process.wait(20) == 0


def left_half(orientation: int | None = None, **options: object) -> bytes:
    """A picture whose left half is red and whose right half is blue, with EXIF's orientation."""
    image = Image.new("RGB", (640, 320), (255, 0, 0))
    image.paste((0, 0, 255), (320, 0, 640, 320))
    data = io.BytesIO()
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    image.save(data, "JPEG", quality=95, exif=exif, **options)
    return data.getvalue()


@pytest.mark.parametrize(
    "orientation, red",
    [
        (None, "left"),
        (1, "left"),
        (2, "right"),
        (3, "right"),
        (4, "left"),
        (5, "top"),
        (6, "top"),
        (7, "bottom"),
        (8, "bottom"),
    ],
)
def test_a_picture_is_upright_as_its_camera_was_held(orientation: int | None, red: str) -> None:
    from decode import square

    got = square(left_half(orientation), 224)
    part = {"left": got[:, :100], "right": got[:, 124:], "top": got[:100], "bottom": got[124:]}[red]
    assert part[..., 0].mean() > 230 and part[..., 2].mean() < 25


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def test_grey_of_16_bits_is_scaled() -> None:
    from decode import square

    ramp = np.linspace(0, 65535, 300).astype(np.uint16)[None].repeat(300, 0)
    got = square(saved(Image.fromarray(ramp)), 224)
    assert abs(int(got[112, 112, 0]) - 127) < 4
    assert got[0, 0, 0] < 4 and got[0, -1, 0] > 250


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_is_on_white(kind: str) -> None:
    from decode import square

    image = Image.new("RGBA", (1000, 1000), (0, 0, 0, 0))
    image.paste((200, 0, 0, 128), (0, 500, 1000, 1000))
    got = square(saved(image, kind, lossless=True), 224)
    assert got[50].min() > 250
    assert np.abs(got[200].mean(0) - [227, 127, 127]).max() < 4


def test_a_transparent_palette_is_on_white() -> None:
    from decode import square

    image = Image.new("P", (300, 300), 0)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.paste(1, (0, 150, 300, 300))
    for data in (saved(image, transparency=0), saved(image, "GIF", transparency=0)):
        got = square(data, 224)
        assert got[50].min() > 250
        assert got[200].mean(0).astype(int).tolist() == [200, 0, 0]


def test_a_large_picture_looks_as_a_small_one_does() -> None:
    from decode import square

    small = np.asarray(Image.fromarray(np.random.default_rng(1).integers(0, 255, (12, 12, 3), np.uint8)))
    large = Image.fromarray(small).resize((2001, 1403), Image.Resampling.BICUBIC)
    want = np.asarray(large.resize((224, 224), Image.Resampling.BILINEAR), np.int16)
    for data in (saved(large), saved(large, "WEBP", lossless=True), saved(large, "JPEG", quality=95)):
        assert np.abs(square(data, 224).astype(np.int16) - want).mean() < 2


def test_sixteen_bits_of_one_transparent_grey_are_on_white() -> None:
    from decode import square
    from hostile_pictures import chunk, png

    data = png(300, 300, 16, 0, extra=chunk(b"tRNS", struct.pack(">H", 0)))()
    assert square(data, 224).min() == 255
