"""The training's settings: a wrong one is one sentence, before anything is drawn or trained."""

import re

import pytest

from settings import SettingsError, default_threads, read_settings

SERVER = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}


def test_the_defaults():
    chosen = read_settings([], SERVER)
    assert (chosen.scenario, chosen.model_name, chosen.accuracy_bar, chosen.epochs, chosen.seed) == (
        "normal",
        "GourmetGramFood11Model",
        0.8,
        3,
        0,
    )
    assert (chosen.judgement_margin, chosen.judgement_class_bar, chosen.judgement_dry_run) == (0.02, 0.5, False)
    assert str(chosen.version_file) == "/tmp/version" and chosen.threads >= 1 and chosen.signing_key is None
    assert chosen.production_url is None


@pytest.mark.parametrize("processors, threads", [(1, 1), (2, 1), (3, 1), (4, 2), (16, 8)])
def test_half_of_the_processors_are_left_to_the_environments(processors, threads):
    assert default_threads(processors) == threads


def test_what_is_set_is_taken():
    chosen = read_settings(["oversized"], SERVER | {"ACCURACY_BAR": "0.5", "EPOCHS": "1", "VERSION_FILE": "/v"})
    assert (chosen.scenario, chosen.accuracy_bar, chosen.epochs, str(chosen.version_file)) == (
        "oversized",
        0.5,
        1,
        "/v",
    )


def test_production_is_one_of_the_environments():
    environments = '{"staging": "http://staging:8081", "production": "http://production:80"}'
    assert read_settings([], SERVER | {"ENVIRONMENTS": environments}).production_url == "http://production:80"
    assert read_settings([], SERVER | {"ENVIRONMENTS": '{"staging": "http://staging:8081"}'}).production_url is None


@pytest.mark.parametrize("text", ["[]", "{", '{"production": "production:80"}', '{"production": 80}'])
def test_environments_that_are_no_urls_are_refused(text):
    wanted = f"ENVIRONMENTS is {text!r}: set it to URLs by the names of the environments, as JSON"
    with pytest.raises(SettingsError, match=f"^{re.escape(wanted)}$"):
        read_settings([], SERVER | {"ENVIRONMENTS": text})


def test_the_judgement_is_set():
    judgement = {"JUDGEMENT_MARGIN": "0", "JUDGEMENT_CLASS_BAR": "1", "JUDGEMENT_DRY_RUN": "true"}
    chosen = read_settings([], SERVER | judgement)
    assert (chosen.judgement_margin, chosen.judgement_class_bar, chosen.judgement_dry_run) == (0, 1, True)


@pytest.mark.parametrize(
    "arguments, env, said",
    [
        (["great"], SERVER, '"great" is no scenario: choose one of normal, bad-architecture, oversized'),
        (["normal", "twice"], SERVER, "no scenario"),
        ([], {}, "MLFLOW_TRACKING_URI is not set"),
        ([], SERVER | {"ACCURACY_BAR": "1.5"}, 'ACCURACY_BAR is "1.5": set it to a number from 0 to 1'),
        ([], SERVER | {"ACCURACY_BAR": "nan"}, "ACCURACY_BAR"),
        ([], SERVER | {"JUDGEMENT_MARGIN": "2"}, 'JUDGEMENT_MARGIN is "2": set it to a number from 0 to 1'),
        ([], SERVER | {"JUDGEMENT_CLASS_BAR": "-1"}, "JUDGEMENT_CLASS_BAR"),
        ([], SERVER | {"JUDGEMENT_DRY_RUN": "yes"}, 'JUDGEMENT_DRY_RUN is "yes": set it to true or false'),
        ([], SERVER | {"EPOCHS": "2.5"}, "EPOCHS"),
        ([], SERVER | {"EPOCHS": "0"}, "EPOCHS"),
    ],
)
def test_a_wrong_one_is_named(arguments, env, said):
    with pytest.raises(SettingsError, match=said.replace("(", r"\(")):
        read_settings(arguments, env)
