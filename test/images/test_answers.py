"""The newest answers that the app keeps, and what it measures of a picture."""

import json

import numpy as np
import pytest

from answers import kept_answers
from conftest import App, onnx_model, refusal
from features import features
from model import CLASSES
from test_app import picture

RED = {"red": 1.0, "green": 0.0, "blue": 0.0, "contrast": 0.0, "detail": 0.0}


@pytest.fixture
def app(serve, tmp_path) -> App:
    """Version 1.0.7 in staging, which keeps three answers."""
    onnx_model(tmp_path / "food11.onnx")
    (tmp_path / "versions.txt").write_text("1.0.7\n")
    return serve(ENVIRONMENT="staging", ANSWERS_KEPT="3")


def kept(app: App, query: str = "") -> list[dict]:
    status, headers, body = app.scrape(f"/answers{query}")
    assert (status, headers["content-type"]) == (200, "application/json")
    found = json.loads(body)
    assert (found["model_version"], found["environment"]) == ("1.0.7", "staging")
    return found["answers"]


def test_it_keeps_what_it_predicted_and_measured_but_no_picture(app):
    assert kept(app) == []
    said = app.predict(picture((255, 0, 0)))[1]
    (answer,) = kept(app)
    assert answer.pop("at") > 1.7e9
    assert answer == {
        "request": "",
        "copy": False,
        "class": CLASSES[0],
        "confidence": said["probability"],
        "features": RED,
    }


def test_it_keeps_the_newest_ones_and_none_of_the_pipeline_or_of_what_is_no_picture(app):
    for name in ("a", "b", "c", "d"):
        app.get("/test", X_Request_Id=name)
    app.get("/test", X_Request_Id="gate", X_Probe="gate")
    app.predict(b"no picture")
    app.get("/version", X_Request_Id="other")
    assert [answer["request"] for answer in kept(app)] == ["b", "c", "d"]


def test_it_knows_the_gateways_copies_and_keeps_no_text_of_a_client(app):
    app.get("/test", X_Request_Id="0b3a-77", Host="users.example.org-shadow")
    app.get("/test", X_Request_Id="<script>", Host="users.example.org")
    app.get("/test", X_Request_Id="a" * 65)
    assert [(answer["request"], answer["copy"]) for answer in kept(app)] == [
        ("0b3a-77", True),
        ("", False),
        ("", False),
    ]


def test_it_tells_a_sample_of_its_answers_to_people_beside_them(app):
    app.get("/test", X_Request_Id="person", Host="users.example.org")
    for name in ("a", "b", "c"):
        app.get("/test", X_Request_Id=name, Host="users.example.org-shadow")
    assert [answer["request"] for answer in kept(app)] == ["a", "b", "c"]
    assert [answer["request"] for answer in kept(app, "?sample=yes")] == ["person"]


def test_it_keeps_none_unless_it_is_asked_to(serve, tmp_path):
    onnx_model(tmp_path / "food11.onnx")
    app = serve()
    app.get("/test")
    for path in ("/answers", "/answers?sample=yes"):
        assert json.loads(app.scrape(path)[2])["answers"] == []
    assert app.get("/answers")[0] == 404


def test_a_picture_is_measured():
    side = 16
    board = np.kron(np.indices((side // 4, side // 4)).sum(axis=0) % 2, np.ones((4, 4))) * 255
    board = np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8)
    assert features(board) == {"red": 0.5, "green": 0.5, "blue": 0.5, "contrast": 0.5, "detail": 1.0}
    assert features(np.full((side, side, 3), [255, 0, 0], np.uint8)) == RED
    halves = np.zeros((side, side, 3), np.uint8)
    halves[:, side // 2 :] = 255
    measured = features(halves)
    assert measured["contrast"] == 0.5
    assert measured["detail"] == pytest.approx(1 / (side // 4 - 1) / 2, abs=1e-5)


@pytest.mark.parametrize("text", ["-1", "1e3", "", "10001", "0x1", "many", " 1"])
def test_what_is_no_number_of_answers_is_refused(text: str):
    with pytest.raises(ValueError, match=r"^ANSWERS_KEPT is .*: write a number from 0 to 10000, as in 1000$"):
        kept_answers(text)


def test_it_says_so_when_it_starts(tmp_path):
    said = "ANSWERS_KEPT is 'all': write a number from 0 to 10000, as in 1000\n"
    assert refusal(tmp_path, ANSWERS_KEPT="all") == (1, said)
