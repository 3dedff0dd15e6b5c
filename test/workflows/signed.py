"""The keys of a test, and models that they signed: the format is written here once more, apart from the training."""

import base64
import hashlib
import json
from pathlib import Path

from lib import dsse, signing_keys

NAMES = signing_keys.NAMES


class Keys:
    """A folder with a private key of each name, and the public ones as a step mounts them."""

    def __init__(self, folder: Path):
        self.public, self.folder = folder / "public", folder
        self.public.mkdir()
        for name in NAMES:
            self.rotate(name)

    def rotate(self, name):
        """Makes a new key; the old public one stays."""
        key = signing_keys.generate()
        self.private(name).write_bytes(signing_keys.private_pem(key))
        self.publish(name, key.public_key())

    def publish(self, name, public):
        """The public key counts."""
        (self.public / signing_keys.entry(name, public)).write_text(signing_keys.public_pem(public))

    def withdraw(self, name):
        """No public key of this name counts any more."""
        for file in self.public.glob(f"{name}.*"):
            file.unlink()

    def private(self, name):
        """The file of a private key."""
        return self.folder / f"{name}.pem"

    def key(self, name):
        """A private key."""
        return signing_keys.parse_private(self.private(name).read_bytes())


def statement_of(files, name="GourmetGramFood11Model"):
    """What is signed of a model's files, by their names."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    whole = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests.values())).hexdigest()
    listed = [{"name": name, "algorithm": "sha256", "digest": digest} for name, digest in digests.items()]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": whole}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
            "resources": listed,
        },
    }


def whole_digest(version, model=b"weights"):
    """The one digest of all files that `register` puts there."""
    files = {"food11.onnx": model, "features.json": b"{}", "training.json": training_of(version)}
    return statement_of(files)["subject"][0]["digest"]["sha256"]


def bundle_of(statement, key):
    """The file of a signature, as JSON."""
    pem = signing_keys.public_pem(key.public_key()).encode()
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": hashlib.sha256(pem).hexdigest()}, "tlogEntries": []},
        "dsseEnvelope": dsse.sign(json.dumps(statement).encode(), key),
    }


def training_of(version):
    """What the training of a version says of itself."""
    return json.dumps({"run": f"run{version}", "data_sha256": f"{version}" * 64}).encode()


def register(mlflow, version, key, model=b"weights", **others):
    """Puts the files of a version into MLflow, with their signature. `others`: contents by name, `__` for a dot."""
    files = {"food11.onnx": model, "features.json": b"{}", "training.json": training_of(version)}
    files |= {name.replace("__", "."): content for name, content in others.items()}
    put(mlflow, version, files, bundle_of(statement_of(files), key))


def put(mlflow, version, files, bundle):
    """Puts files of a version into MLflow, with the tags that their training wrote down."""
    for name, content in (files | {"model.sig": json.dumps(bundle).encode()}).items():
        mlflow.files[f"0/run{version}/artifacts/{name}"] = content
        mlflow.runs[f"run{version}"]["tags"][f"sha256.{name}"] = hashlib.sha256(content).hexdigest()


def changed(bundle, **payload):
    """A bundle whose payload was changed after it was signed."""
    envelope = bundle["dsseEnvelope"]
    content = json.loads(base64.b64decode(envelope["payload"])) | payload
    return bundle | {"dsseEnvelope": envelope | {"payload": base64.b64encode(json.dumps(content).encode()).decode()}}
