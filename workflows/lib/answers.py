"""What the pods of the app tell of their answers: the newest ones, or a sample of those to people."""

import json
import socket
import sys
from typing import Any

from lib import constants, http_client

# Where a pod of the app tells them: `metricsPort` in components/environments/environment-bundle.ts.
PORT = 9100
TIMEOUT = 2.0


def read(environment: str, version: str, sampled: bool = False) -> list[Any]:
    """
    What the pods of an environment that serve a version tell, unchecked; nothing of a pod that cannot be asked.
    `sampled`: a sample of the last ten minutes or more; an app of before there was one tells its newest answers.
    """
    path = "/answers?sample=yes" if sampled else "/answers"
    found: list[Any] = []
    for address in addresses(environment):
        try:
            status, text = http_client.request(f"{address}{path}", timeout=TIMEOUT)
        except http_client.Unreachable as error:
            print(f"{environment} tells no answers at {address}: {error}", file=sys.stderr)
            continue
        found += parse(text, version) if status == 200 else []
    return found


def addresses(environment: str) -> list[str]:
    """The URL of each ready pod of an environment; none where its name leads nowhere."""
    name = constants.workload(environment)
    try:
        found = socket.getaddrinfo(f"{name}-metrics.{name}.svc.cluster.local", PORT, type=socket.SOCK_STREAM)
    except OSError as error:
        print(f"{environment} has no pod that tells its answers: {error}", file=sys.stderr)
        return []
    hosts = sorted({(family, str(address[0])) for family, _, _, _, address in found})
    return [
        f"http://[{host}]:{PORT}" if family == socket.AF_INET6 else f"http://{host}:{PORT}" for family, host in hosts
    ]


def parse(text: str, version: str) -> list[Any]:
    """What a pod of a version told; nothing of another version's."""
    try:
        said = json.loads(text)
        told = said["answers"] if said["model_version"] == version else []
        return told if isinstance(told, list) else []
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
