"""A repository of a registry, over one connection: crane starts a process for each of its calls."""

import http.client
import json
from pathlib import Path

from images import MANIFEST, Image, descriptor, digest_of
from lib import crane

INDEX = "application/vnd.oci.image.index.v1+json"


class Repository:
    """A repository of a registry on this machine: `127.0.0.1:5000/gourmetgram-app`."""

    def __init__(self, name: str) -> None:
        self.name = name
        host, _, path = name.partition("/")
        self._prefix = f"/v2/{path}"
        self._connection = http.client.HTTPConnection(host, timeout=60)

    def push(self, image: Image, tags: list[str]) -> None:
        """Pushes an image under some tags."""
        for content in image.blobs:
            self._put_blob(content)
        for tag in tags:
            self._put_manifest(tag, image.manifest)

    def crane(self, command: str, *args: str) -> str:
        """Does as crane does, for the two commands that attestations are written with."""
        if command == "push":
            folder, _ = args
            self._push_layout(Path(folder))
            return ""
        assert command == "manifest", command
        [image] = args
        return self._manifest(image.removeprefix(self.name)[1:])

    def _push_layout(self, folder: Path) -> None:
        """
        Pushes the one manifest of an OCI layout, and lists it under the image that is its subject. As with crane, the
        list of before stays in the registry without a tag.
        """
        [entry] = json.loads((folder / "index.json").read_text())["manifests"]
        blobs = [file.read_bytes() for file in (folder / "blobs" / "sha256").iterdir()]
        manifest = next(content for content in blobs if digest_of(content) == entry["digest"])
        for content in blobs:
            if content is not manifest:
                self._put_blob(content)
        self._put_manifest(entry["digest"], manifest)
        said = json.loads(manifest)
        tag = said["subject"]["digest"].replace(":", "-")
        try:
            listed = json.loads(self._manifest(tag))["manifests"]
        except crane.Missing:
            listed = []
        listed.append({**descriptor(MANIFEST, manifest), "artifactType": said["artifactType"]})
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
        self._put_manifest(tag, json.dumps(index, separators=(",", ":")).encode(), INDEX)

    def _manifest(self, reference: str) -> str:
        """What is behind a tag or a digest. Raises crane.Missing."""
        status, text, _ = self._ask("GET", f"/manifests/{reference}", accept=f"{MANIFEST}, {INDEX}")
        if status == 404:
            raise crane.Missing(f"{self.name} has no {reference}")
        return self._expected(200, status, text)

    def _put_manifest(self, reference: str, content: bytes, media_type: str = MANIFEST) -> None:
        status, text, _ = self._ask("PUT", f"/manifests/{reference}", content, media_type)
        self._expected(201, status, text)

    def _put_blob(self, content: bytes) -> None:
        digest = digest_of(content)
        if self._ask("HEAD", f"/blobs/{digest}")[0] == 200:
            return
        status, text, place = self._ask("POST", "/blobs/uploads/")
        self._expected(202, status, text)
        path = place[place.index(self._prefix) + len(self._prefix) :]
        status, text, _ = self._ask("PUT", f"{path}&digest={digest}", content, "application/octet-stream")
        self._expected(201, status, text)

    def _ask(
        self, method: str, path: str, content: bytes = b"", media_type: str = "", accept: str = "*/*"
    ) -> tuple[int, str, str]:
        """Status and text of an answer, and the place that it names."""
        headers = {"Accept": accept} | ({"Content-Type": media_type} if media_type else {})
        self._connection.request(method, self._prefix + path, content, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("Location") or ""

    def _expected(self, wanted: int, status: int, text: str) -> str:
        if status != wanted:
            raise RuntimeError(f"{self.name} answered with {status}: {text[:200]}")
        return text
