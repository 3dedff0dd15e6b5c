"""What the steps of a benchmark meet in place of a cluster."""

import json
import time
import uuid
from typing import Any

from lib import child_workflows, last_release
from lib.last_release import Served


def begin_step() -> None:
    """Every step is one of another Workflow."""
    metadata = {"name": "bench", "namespace": "argo", "uid": str(uuid.uuid4())}
    child_workflows.current = lambda: {"metadata": metadata}


def application(running: str, holds: Served | None = None) -> dict[str, Any]:
    """An Application that runs an image."""
    held = {"version": holds.app_version, "digest": holds.digest, "at": int(time.time() * 1000)} if holds else None
    annotations = {last_release.ANNOTATION: json.dumps(held)} if held else {}
    images = {"kustomize": {"images": [f"gourmetgram-app=registry/gourmetgram-app@{running}"]}}
    return {"metadata": {"annotations": annotations}, "spec": {"source": images}, "status": {}}
