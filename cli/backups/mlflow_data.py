"""
What `npm run backup` and `npm run restore` do where MLflow's data is reached: in its pod. Whatever keeps the data, a
backup has the database as SQLite and the artifacts as a tar, so it can be restored into a stack that keeps them
elsewhere. `external_stores` has what is not on the volume; for the volume, Python's standard library is enough.
The command sends these files and then the content to standard input. Content leaves by standard output. The last line
of standard error is the result, as JSON, or the reason why there is none.

A restore on the volume has three stages, and a second run continues at the first one that is not complete:
1. `restoring/` takes the content of the backup. `whole.json` there says that all of it came, and by which restore.
2. What MLflow had moves to `before-<restore>/`, and the content of the backup takes its place.
3. `restored.json` says by which restore.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Any

import external_stores
from external_stores import Impossible

DATABASE = "mlflow.db"
ARTIFACTS = "artifacts"
ARTIFACTS_FILE = "artifacts.tar"
# SQLite keeps these beside the database. They belong to one database and damage any other.
SIDECARS = tuple(f"{DATABASE}-{suffix}" for suffix in ("journal", "wal", "shm"))
CHUNK = 1 << 20
SPARE = 64 << 20  # bytes that stay free on a volume

Report = dict[str, Any]


class Hashing:
    """A stream that counts and hashes what goes through it, at most `limit` bytes where it is read."""

    def __init__(self, stream: IO[bytes], limit: int = 0) -> None:
        self.stream, self.left = stream, limit
        self.bytes, self.hash = 0, hashlib.sha256()

    def write(self, chunk: bytes) -> int:
        self.stream.write(chunk)
        self._count(chunk)
        return len(chunk)

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(min(size, self.left))
        self.left -= len(chunk)
        self._count(chunk)
        return chunk

    def _count(self, chunk: bytes) -> None:
        self.bytes += len(chunk)
        self.hash.update(chunk)

    def report(self) -> Report:
        return {"bytes": self.bytes, "sha256": self.hash.hexdigest()}


def dump_database(data: Path, output: IO[bytes]) -> Report:
    """Writes a consistent copy of the database, without the secrets that people may have stored in MLflow."""
    external, source = external_stores.database(), data / DATABASE
    if not external and not source.exists():
        raise Impossible(f"MLflow's volume has no {DATABASE}: look at MLflow's log, and try again when it runs")
    place = tempfile.gettempdir() if external else place_for(source.stat().st_size, data)
    with tempfile.TemporaryDirectory(prefix="backup-", dir=place) as folder:
        copy = Path(folder, DATABASE)
        if external:
            external.export(copy)
        else:
            with contextlib.closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=60)) as database:
                database.execute("VACUUM INTO ?", (str(copy),))  # unlike a copy of the file, without what was deleted
        with contextlib.closing(sqlite3.connect(copy)) as database:
            secrets = remove_secrets(database)
            require_sound(database)
        with copy.open("rb") as content:
            copy.unlink()  # so that nothing of it stays if this process is killed
            sink = Hashing(output)
            shutil.copyfileobj(content, sink, CHUNK)
    return sink.report() | {"secrets": secrets}


def place_for(size: int, data: Path) -> str:
    """The first of the temporary folder and the volume that has room for a copy of the database."""
    for folder in (tempfile.gettempdir(), str(data)):
        if shutil.disk_usage(folder).free >= 2 * size + SPARE:
            return folder
    raise Impossible(
        f"neither MLflow's volume nor its node has {mebibytes(2 * size + SPARE)} MiB free for a copy of the database: "
        "give it more space with modelRegistry.storage, if its storage class can expand it"
    )


def remove_secrets(database: sqlite3.Connection) -> int:
    """Removes the keys of MLflow's AI gateway and of its webhooks, which no step needs. Returns their number."""
    database.execute("PRAGMA secure_delete = ON")
    database.execute("PRAGMA foreign_keys = ON")
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    removed = 0
    if "secrets" in tables:
        removed += database.execute("DELETE FROM secrets").rowcount
    if "webhooks" in tables:
        removed += database.execute("UPDATE webhooks SET secret = NULL WHERE secret IS NOT NULL").rowcount
    database.commit()
    return removed


def require_sound(database: sqlite3.Connection) -> None:
    """Raises Impossible for a database that SQLite finds damaged."""
    found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise Impossible(f"SQLite finds MLflow's database damaged ({found}): restore an older backup")


def dump_artifacts(data: Path, output: IO[bytes]) -> Report:
    """Writes the artifacts as a tar."""
    sink, external = Hashing(output), external_stores.artifacts()
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
        if external:
            external.dump(tar)
        elif (data / ARTIFACTS).is_dir():
            add_what_stays(tar, data / ARTIFACTS)
    return sink.report()


def add_what_stays(tar: tarfile.TarFile, folder: Path) -> None:
    """Adds what is in a folder, but for what the daily collection deletes meanwhile."""
    for parent, _, files in os.walk(folder):
        for path in (Path(parent), *(Path(parent, name) for name in sorted(files))):
            with contextlib.suppress(FileNotFoundError):
                tar.add(path, arcname=os.path.join(".", path.relative_to(folder)), recursive=False)


def has_volume() -> bool:
    """Whether the volume keeps the database or the artifacts."""
    return not (external_stores.database() and external_stores.artifacts())


def look(data: Path, restore: str) -> Report:
    """How far a restore is, and which of both are not on the volume."""
    database = external_stores.database()
    found: Report = {"database": bool(database), "artifacts": bool(external_stores.artifacts())}
    done = not has_volume() or read_json(data / "restored.json").get("restore") == restore
    whole = not has_volume() or read_json(data / "restoring" / "whole.json").get("restore") == restore
    return found | {
        "restored": done and (not database or database.is_restored(restore)),
        "whole": whole and (not database or database.is_whole(restore)),
    }


def receive(data: Path, source: IO[bytes], restore: str, files: dict[str, Report]) -> Report:
    """
    Stage 1: the database and the artifacts of a backup, from the input to `restoring/`, or to where MLflow keeps them.
    `files`: their bytes and SHA-256.
    """
    database, artifacts = external_stores.database(), external_stores.artifacts()
    folder = data / "restoring"
    if has_volume():
        # The artifacts are no larger than their tar.
        make_room(data, [files[name]["bytes"] for name in on_volume(database, artifacts)])
    with tempfile.TemporaryDirectory(prefix="restore-") as temporary:
        copy = Path(temporary if database else folder, DATABASE)

        def unpack_database(stream: Hashing) -> None:
            with copy.open("wb") as target:
                shutil.copyfileobj(stream, target, CHUNK)

        def unpack_artifacts(stream: Hashing) -> None:
            with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]
                for member in tar:
                    require_plain(member)
                    if not artifacts:
                        tar.extract(member, folder / ARTIFACTS, set_attrs=False)
                    elif content := tar.extractfile(member):
                        artifacts.put(member.name, content)

        take(source, files[DATABASE], DATABASE, unpack_database)
        if not artifacts:
            (folder / ARTIFACTS).mkdir()
        take(source, files[ARTIFACTS_FILE], ARTIFACTS_FILE, unpack_artifacts)
        with contextlib.closing(sqlite3.connect(copy)) as content:
            require_sound(content)
        if database and not database.is_restored(restore):
            database.receive(copy, restore)
    if has_volume():
        os.sync()
        write_json(folder / "whole.json", {"restore": restore})
    return {}


def on_volume(database: object, artifacts: object) -> list[str]:
    """Files of a backup that are unpacked on the volume."""
    return [name for name, external in ((DATABASE, database), (ARTIFACTS_FILE, artifacts)) if not external]


def make_room(data: Path, sizes: list[int]) -> None:
    """An empty folder `restoring`. Raises Impossible where the volume has less room than that."""
    shutil.rmtree(data / "restoring", ignore_errors=True)
    needed = sum(sizes) + SPARE
    free = shutil.disk_usage(data).free
    if free < needed:
        raise Impossible(
            f"MLflow's volume has {mebibytes(free)} MiB free, and the backup needs {mebibytes(needed)} MiB beside "
            "what is there: make room with npm run collect, or give it more space with modelRegistry.storage, if its "
            "storage class can expand it"
        )
    (data / "restoring").mkdir()


def require_plain(member: tarfile.TarInfo) -> None:
    """Raises Impossible for what MLflow keeps no artifacts in, such as a link out of the folder."""
    path = PurePosixPath(member.name)
    if not (member.isfile() or member.isdir()) or path.is_absolute() or ".." in path.parts:
        raise Impossible(f"artifacts.tar has {member.name!r}, which is no artifact of MLflow: restore another backup")


def take(source: IO[bytes], expected: Report, name: str, unpack: Callable[[Hashing], None]) -> None:
    """Takes one file of the input. Raises Impossible unless it is what the backup says."""
    stream = Hashing(source, expected["bytes"])
    try:
        unpack(stream)
    except tarfile.TarError as error:
        raise Impossible(f"{name} did not arrive as it was sent ({error}): run npm run restore again") from error
    while stream.read(CHUNK):  # a tar ends before its padding does
        pass
    if stream.report() != {key: expected[key] for key in ("bytes", "sha256")}:
        raise Impossible(f"{name} did not arrive as it was sent: run npm run restore again")


def exchange(data: Path, restore: str) -> Report:
    """Stages 2 and 3. MLflow must not run. Safe to run again."""
    if database := external_stores.database():
        database.exchange(restore)
    if not has_volume() or read_json(data / "restored.json").get("restore") == restore:
        return {}
    folder, former = data / "restoring", data / f"before-{restore}"
    if read_json(folder / "whole.json").get("restore") != restore:
        raise Impossible("the content of the backup is not whole on MLflow's volume: run npm run restore again")
    former.mkdir(exist_ok=True)
    for name, parts in ((DATABASE, (*SIDECARS, DATABASE)), (ARTIFACTS, (ARTIFACTS,))):
        if not (folder / name).exists():
            continue  # has taken its place already
        for part in parts:
            if (data / part).exists():
                (data / part).rename(former / part)
        (folder / name).rename(data / name)
    write_json(data / "restored.json", {"restore": restore})
    os.sync()
    shutil.rmtree(folder)
    return {}


def mebibytes(size: int) -> int:
    return -(-size // (1 << 20))


def read_json(path: Path) -> Report:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: Report) -> None:
    """Writes the file whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content))
    unfinished.rename(path)


def main(action: str, folder: str, *given: str) -> Report:
    data = Path(folder)
    arguments = [json.loads(text) for text in given]
    if action == "dump-database":
        return dump_database(data, sys.stdout.buffer)
    if action == "dump-artifacts":
        return dump_artifacts(data, sys.stdout.buffer)
    if action == "look":
        return look(data, *arguments)
    if action == "receive":
        return receive(data, sys.stdin.buffer, *arguments)
    return exchange(data, *arguments)


if __name__ == "__main__":
    try:
        result = main(*sys.argv[2:])  # the first argument is the length of this file
        sys.stdout.flush()
        print(json.dumps(result), file=sys.stderr)
    except (Impossible, OSError, sqlite3.Error) as failure:
        print(failure, file=sys.stderr)
        sys.exit(1)
