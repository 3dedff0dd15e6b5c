"""
Makes each key that the pipeline signs with, where there is none: its Secret, and its public key in the ConfigMap. Safe
to run again: what is there stays as it is.
"""

import base64
import json

from lib import constants, kubectl, signing_keys, step
from lib.signing_keys import PrivateKey


def main() -> None:
    for name in signing_keys.NAMES:
        ensure(name)


def ensure(name: str) -> None:
    """Sees to it that a key is there. Its public key is published first: nobody signs with what nobody can verify."""
    held = read(name)
    key = held or signing_keys.generate()
    public = key.public_key()
    change = {"data": {signing_keys.entry(name, public): signing_keys.public_pem(public)}}
    kubectl.merge("configmaps", signing_keys.CONFIG_MAP, constants.ARGO_NAMESPACE, change)
    if held is None:
        create(name, key)
    print(f"{name}: {signing_keys.key_id(public)} {'was made' if held is None else 'is there, and stays'}", flush=True)


def read(name: str) -> PrivateKey | None:
    """The key that its Secret holds; None without a Secret."""
    try:
        found = kubectl.get("secrets", signing_keys.secret(name), constants.ARGO_NAMESPACE)
    except kubectl.NotFound:
        return None
    return signing_keys.parse_private(base64.b64decode(found.get("data", {}).get(signing_keys.PRIVATE_KEY, "")))


def create(name: str, key: PrivateKey) -> None:
    """Creates the Secret of a key."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": signing_keys.secret(name), "namespace": constants.ARGO_NAMESPACE},
        "type": "Opaque",
        "data": {signing_keys.PRIVATE_KEY: base64.b64encode(signing_keys.private_pem(key)).decode()},
    }
    # Through the standard input: a command line shows to every process of the node.
    kubectl.run("create", "--filename", "-", "--output", "name", stdin=json.dumps(secret))


if __name__ == "__main__":
    step.run(main)
