"""watch_volume.py: an Event on the claim of a volume that is nearly full, by what the file system says."""

import os
import re
from types import SimpleNamespace

import pytest

from conftest import WORKFLOWS, says
from steps import watch_volume


def watch(world, bar, **env):
    given = {"NAMESPACE": "kube-system", "CLAIM": "registry-data", "OWNER": "the registry"}
    given |= {"REMEDY": "run npm run collect", "BAR_PERCENT": str(bar), "VOLUME": str(world.folder)}
    return world.run("watch_volume", **given, **env)


@pytest.mark.parametrize(
    "blocks,free,available,percent",
    [(100, 20, 20, 80), (1000, 201, 201, 79), (100, 0, 0, 100), (100, 25, 20, 78), (0, 0, 0, 0)],
)
def test_counts_what_everybody_may_use(blocks, free, available, percent):
    volume = SimpleNamespace(f_blocks=blocks, f_bfree=free, f_bavail=available)
    assert watch_volume.percent_used(volume) == percent


def test_warns_of_a_volume_at_the_bar(world):
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    percent = watch_volume.percent_used(os.statvfs(world.folder))
    assert watch(world, max(1, percent - 1)).returncode == 0
    [event] = world.created()
    assert event["involvedObject"]["kind"] == "PersistentVolumeClaim"
    assert event["metadata"]["namespace"] == event["involvedObject"]["namespace"] == "kube-system"
    assert (event["type"], event["reason"]) == ("Warning", "VolumeNearlyFull")
    assert re.fullmatch(
        r"The volume of the registry is \d+ % full \(the bar is \d+ %\): run npm run collect\.",
        event["message"],
    )


def test_says_nothing_of_a_volume_with_room(world):
    done = watch(world, min(100, watch_volume.percent_used(os.statvfs(world.folder)) + 2))
    assert done.returncode == 0 and not world.created()


def test_fails_where_nobody_can_be_told(world):
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "forbidden"))
    assert watch(world, 1).returncode == 1


def test_imports_what_the_cronjob_hands_over_and_nothing_else(world, tmp_path):
    component = (WORKFLOWS.parent / "components/platform/volume-watch.ts").read_text()
    names = re.search(r"\.\.\.\[([^\]]+)\]\.map\(", component).group(1)
    files = ["steps/watch_volume.py", *(f"lib/{name}.py" for name in re.findall(r'"(\w+)"', names))]
    for file in files:
        place = tmp_path / "handed" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text((WORKFLOWS / file).read_text())
    world.allow("kubectl", "create", "--filename", "-", "--output", "name", **says("kubectl", "created"))
    done = watch(world, 1, PYTHONPATH=str(tmp_path / "handed"))
    assert done.returncode == 0, done.stderr
