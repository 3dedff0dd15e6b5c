"""What people send beside what a model learnt from."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

import drift
import pictures
from conftest import ROOT
from decode import square
from features import features

sys.path.append(str(ROOT / "workflows"))
from lib.drift import CHANCE, compare, judge

SIDE = 224
# The bar of a stack that sets none: `dataDrift` in config/schema.ts.
BAR = 0.35
SEEDS = range(2_000_000, 2_000_005)


@pytest.fixture(scope="module")
def learnt():
    return drift.record(pictures.data_set(40, 0, SIDE).images)


@pytest.fixture(scope="module", params=SEEDS)
def others(request):
    return pictures.data_set(10, request.param, SIDE).images


def seen(files):
    """The features of pictures as the app measures them."""
    measured = [features(np.asarray(square(data, SIDE))) for data in files]
    return {name: [each[name] for each in measured] for name in measured[0]}


def jpeg(image, side, quality):
    data = io.BytesIO()
    Image.fromarray(image).resize((side, side)).save(data, "JPEG", quality=quality)
    return data.getvalue()


def sent(folder):
    """What `npm run traffic` sends, ten times."""
    return 10 * [path.read_bytes() for path in sorted((ROOT / folder).glob("*.jpg"))]


def test_the_features_of_a_part_of_the_pictures_are_recorded(learnt):
    assert {name: len(values) for name, values in learnt.items()} == dict.fromkeys(
        ("red", "green", "blue", "contrast", "detail"), drift.RECORDED
    )


@pytest.mark.parametrize("side,quality", [(224, 75), (112, 60)])
def test_pictures_of_the_same_kind_are_near_whatever_camera_they_come_from(learnt, others, side, quality):
    compared = compare(learnt, seen(jpeg(image, side, quality) for image in others))
    assert max(each.distance for each in compared.values()) < BAR / 2


def test_normal_traffic_is_nearer_than_the_bar_and_drifted_traffic_is_not(learnt):
    normal = compare(learnt, seen(sent("workflows/pictures")))
    assert not judge(normal, BAR, 1, 110).over and max(each.distance for each in normal.values()) < BAR
    drifted = compare(learnt, seen(sent("cli/drifted-pictures")))
    assert judge(drifted, BAR, 1, 110).over and min(each.distance for each in drifted.values()) > 2 * BAR
    assert max(each.p for each in drifted.values()) < CHANCE / 1000
