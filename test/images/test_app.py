"""The app, on real ONNX files: what it answers with a good model, with none, and with one that breaks the contract."""

import io

import numpy as np
import pytest
from onnx import TensorProto
from PIL import Image

from conftest import ROOT, onnx_model
from model import CLASSES


def picture(colour=(200, 30, 30), size=(640, 480), kind="PNG"):
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, kind)
    return data.getvalue()


def upload(client, data):
    return client.post("/predict", data={"file": (io.BytesIO(data), "dish")})


def test_before_the_first_release_it_is_healthy_without_a_model(client):
    app = client()
    assert app.get("/healthz").status_code == 200
    version = app.get("/version")
    assert (version.status_code, version.json) == (404, {"error": "versions.txt not found"})
    assert app.get("/test").status_code == 503
    assert upload(app, picture()).status_code == 503
    assert b"No model has been released here yet" in app.get("/").data


def test_with_a_model_it_says_its_version_and_a_class(client, tmp_path):
    onnx_model(tmp_path / "food11.onnx")
    (tmp_path / "versions.txt").write_text("1.0.7\n")
    app = client()
    assert app.get("/version").json == {"model_version": "1.0.7"}
    answer = app.get("/test")
    assert answer.status_code == 200
    assert answer.text in CLASSES
    assert b"Model 1.0.7" in app.get("/").data


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize(
    "colour, name", [((255, 0, 0), CLASSES[0]), ((0, 255, 0), CLASSES[1]), ((0, 0, 255), CLASSES[2])]
)
def test_it_reads_colours_in_the_order_red_green_blue(client, tmp_path, kind, colour, name):
    onnx_model(tmp_path / "food11.onnx")
    answer = upload(client(), picture(colour, kind=kind))
    assert answer.json["class"] == name
    assert 1 / 11 < answer.json["probability"] <= 1


def test_what_is_no_picture_is_refused(client, tmp_path):
    onnx_model(tmp_path / "food11.onnx")
    app = client()
    assert upload(app, b"not a picture").status_code == 400
    assert upload(app, picture()[:60]).status_code == 400
    assert app.post("/predict").json == {"error": "send the picture as the form field `file`"}
    huge = upload(app, picture(size=(4100, 4100)))
    assert (huge.status_code, "this app has 64 MiB" in huge.json["error"]) == (400, True)
    assert upload(app, b"x" * (9 * 1024 * 1024)).status_code == 413


NAN = np.full((3, 11), np.nan, np.float32)
BROKEN = {
    "a thousand outputs": ({"outputs": 1000, "weights": np.ones((3, 1000), np.float32)}, "[N, 11]"),
    "another size of picture": ({"side": 64}, "[N, 3, 224, 224]"),
    "another type": ({"kind": TensorProto.DOUBLE}, "tensor(double)"),
    "scores that are no numbers": ({"weights": NAN}, "not finite"),
    "a twelfth output": ({"outputs": 12, "weights": np.ones((3, 12), np.float32)}, "[N, 12]"),
}


@pytest.mark.parametrize("options, said", BROKEN.values(), ids=BROKEN.keys())
def test_a_model_that_breaks_the_contract_gives_a_500_and_never_a_class(client, tmp_path, options, said):
    onnx_model(tmp_path / "food11.onnx", **options)
    app = client()
    assert app.get("/healthz").status_code == 200
    answer = app.get("/test")
    assert answer.status_code == 500
    assert said in answer.json["error"]
    assert upload(app, picture()).status_code == 500


def test_a_file_that_is_no_model_gives_a_500(client, tmp_path):
    (tmp_path / "food11.onnx").write_bytes(b"garbage")
    app = client()
    assert app.get("/healthz").status_code == 200
    assert "can't be loaded" in app.get("/test").json["error"]


def test_the_test_picture_is_the_soup_that_training_draws():
    from pictures import picture as draw

    drawn = np.asarray(draw(CLASSES.index("Soup"), 7, 224), np.float32)
    kept = np.asarray(Image.open(ROOT / "images/app/test.jpg"), np.float32)
    assert np.abs(drawn - kept).mean() < 12


def test_the_pictures_of_the_traffic_are_those_that_the_project_draws():
    from draw_traffic_pictures import ROOT, pictures

    files = pictures()
    folders = {(ROOT / name).parent for name in files}
    there = [path for folder in folders for path in folder.iterdir()]
    assert {str(path.relative_to(ROOT)) for path in there} == set(files)
    for name, drawn in files.items():
        kept = (ROOT / name).read_bytes()
        shown, wanted = (np.asarray(Image.open(io.BytesIO(data)), np.float32) for data in (kept, drawn))
        assert np.abs(shown - wanted).mean() < 3, name
    assert sum(path.stat().st_size for path in there) < 100_000
