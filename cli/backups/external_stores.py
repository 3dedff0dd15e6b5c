"""
MLflow's PostgreSQL and S3, as a backup and a restore use them from MLflow's pod. The packages are those of its image.

A restore into PostgreSQL has two stages, and each is one transaction or can be repeated:
1. The schema `restoring` takes the tables of the backup. Its comment says by which restore, once all rows are there.
2. What MLflow had moves to the schema `before_restore_<time>`, and the tables of the backup take its place.

A restore into S3 only writes objects. The folders of a run belong to it alone, so nothing else is overwritten.
"""

import os
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:  # only where a store is external is there a need for them
    from botocore.client import BaseClient
    from sqlalchemy import Connection, Engine

RESTORING = "restoring"
ROWS = 1000  # that are written at once


class Impossible(Exception):
    """What was asked for cannot be done: one sentence, which says what to do."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Raises Impossible with the first line of what the library says."""
    try:
        yield
    except Exception as error:
        if isinstance(error, Impossible | OSError | sqlite3.Error | tarfile.TarError):
            raise
        said = str(error).strip().split("\n")[0]
        raise Impossible(
            f"{what} refused ({type(error).__name__}: {said}): fix this, and run the command again"
        ) from error


class Database:
    """The PostgreSQL at `uri`. The address is a secret and never printed."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def export(self, target: Path) -> None:
        """Writes all rows, as of one moment, to a new SQLite file with MLflow's tables."""
        with explained("MLflow's database"):
            migrate(f"sqlite:///{target}")
            source, copy = self._engine(), engine_of(f"sqlite:///{target}")
            snapshot = source.connect().execution_options(isolation_level="REPEATABLE READ")
            with closing(snapshot) as reading, copy.begin() as writing:
                copy_rows(reading, writing)
            copy.dispose()
            source.dispose()

    def is_restored(self, restore: str) -> bool:
        return former_schema(restore) in self._schemas()

    def is_whole(self, restore: str) -> bool:
        return self.is_restored(restore) or self._schemas().get(RESTORING) == restore

    def receive(self, source: Path, restore: str) -> None:
        """Stage 1: upgrades the tables of an SQLite file, and copies its rows to the schema `restoring`."""
        import sqlalchemy

        with explained("MLflow's database"):
            migrate(f"sqlite:///{source}")
            engine = self._engine()
            with engine.begin() as connection:
                connection.execute(sqlalchemy.text(f"DROP SCHEMA IF EXISTS {RESTORING} CASCADE"))
                connection.execute(sqlalchemy.text(f"CREATE SCHEMA {RESTORING}"))
            beside, copy = self._engine(RESTORING), engine_of(f"sqlite:///{source}")
            migrate(beside)
            with copy.connect() as reading, beside.begin() as writing:
                copy_rows(reading, writing)
                continue_sequences(writing)
                # Nothing that is bound: PostgreSQL takes no parameter here. The name is this project's own.
                writing.execute(sqlalchemy.text(f"COMMENT ON SCHEMA {RESTORING} IS '{restore}'"))
            for used in (copy, beside, engine):
                used.dispose()

    def exchange(self, restore: str) -> None:
        """Stage 2. MLflow must not run. Safe to run again."""
        import sqlalchemy

        if self.is_restored(restore):
            return
        if not self.is_whole(restore):
            raise Impossible("the content of the backup is not whole in MLflow's database: run npm run restore again")
        with explained("MLflow's database"), self._engine().begin() as connection:
            own = connection.execute(sqlalchemy.text("SELECT current_schema()")).scalar_one()
            there, coming = objects_in(connection, own), objects_in(connection, RESTORING)
            quote = connection.dialect.identifier_preparer.quote
            connection.execute(sqlalchemy.text(f"CREATE SCHEMA {former_schema(restore)}"))
            # What others keep in the same schema stays there.
            for schema, to, moving in ((own, former_schema(restore), there & coming), (RESTORING, own, coming)):
                for kind, name, arguments in sorted(moving):
                    move = f"ALTER {kind} {quote(schema)}.{quote(name)}{arguments} SET SCHEMA {quote(to)}"
                    connection.execute(sqlalchemy.text(move))
            connection.execute(sqlalchemy.text(f"DROP SCHEMA {RESTORING}"))

    def _schemas(self) -> dict[str, str | None]:
        """Every schema with its comment."""
        import sqlalchemy

        query = "SELECT nspname, obj_description(oid, 'pg_namespace') FROM pg_namespace"
        with explained("MLflow's database"), self._engine().connect() as connection:
            return {name: comment for name, comment in connection.execute(sqlalchemy.text(query))}

    def _engine(self, schema: str | None = None) -> "Engine":
        return engine_of(self.uri, {"options": f"-csearch_path={schema}"} if schema else {})


def former_schema(restore: str) -> str:
    """The schema that keeps what MLflow had before a restore."""
    return f"before_{restore.replace('-', '_').lower()}"


def objects_in(connection: "Connection", schema: str) -> set[tuple[str, str, str]]:
    """Tables and functions of a schema: kind, name, and a function's arguments. The rest belongs to a table."""
    import sqlalchemy

    query = """
        SELECT 'TABLE', relname, '' FROM pg_class WHERE relkind = 'r' AND relnamespace = to_regnamespace(:schema)
        UNION ALL
        SELECT 'FUNCTION', proname, '(' || pg_get_function_identity_arguments(oid) || ')' FROM pg_proc
        WHERE prokind = 'f' AND pronamespace = to_regnamespace(:schema)
    """
    found = connection.execute(sqlalchemy.text(query), {"schema": connection.dialect.identifier_preparer.quote(schema)})
    return {(kind, name, arguments) for kind, name, arguments in found}


def engine_of(uri: str, arguments: dict[str, str] | None = None) -> "Engine":
    import sqlalchemy

    return sqlalchemy.create_engine(uri, connect_args=arguments or {}, poolclass=sqlalchemy.pool.NullPool)


def migrate(database: "Engine | str") -> None:
    """Makes MLflow's tables in an empty database, or upgrades those that are there. `database`: an engine or a URI."""
    from mlflow.store.db import utils

    engine = engine_of(database) if isinstance(database, str) else database
    if utils._is_empty_database(engine):
        utils._initialize_tables(engine)
    else:
        utils._upgrade_db(engine)


def copy_rows(reading: "Connection", writing: "Connection") -> None:
    """Copies every row of MLflow's tables to a database with the same tables, whose own rows go."""
    import sqlalchemy

    source, target = sqlalchemy.MetaData(), sqlalchemy.MetaData()
    source.reflect(reading)
    target.reflect(writing)
    missing = sorted(set(target.tables) ^ set(source.tables))
    if missing:
        raise Impossible(f"only one of both databases has {', '.join(missing)}: update the stack, then try again")
    for table in reversed(target.sorted_tables):
        writing.execute(table.delete())
    for table in target.sorted_tables:
        columns = [column.name for column in table.columns if column.computed is None]
        query = sqlalchemy.select(*(source.tables[table.name].columns[name] for name in columns))
        for rows in reading.execution_options(yield_per=ROWS).execute(query).mappings().partitions(ROWS):
            writing.execute(table.insert(), [dict(row) for row in rows])


def continue_sequences(connection: "Connection") -> None:
    """Lets each sequence go on after the rows that were copied with their numbers."""
    import sqlalchemy

    metadata = sqlalchemy.MetaData()
    metadata.reflect(connection)
    quote = connection.dialect.identifier_preparer.quote
    for table in metadata.tables.values():
        for column in table.columns:
            found = sqlalchemy.func.pg_get_serial_sequence(quote(table.name), column.name)
            sequence = connection.execute(sqlalchemy.select(found)).scalar()
            last = sequence and connection.execute(sqlalchemy.select(sqlalchemy.func.max(column))).scalar()
            if last is not None:
                connection.execute(sqlalchemy.select(sqlalchemy.func.setval(sequence, last)))


class Unseekable:
    """A part of a tar that comes in as a stream: it claims that it could be read from another place, and cannot."""

    def __init__(self, content: IO[bytes]) -> None:
        self.content = content

    def read(self, size: int = -1) -> bytes:
        return self.content.read(size)


class Artifacts:
    """The artifacts in an S3-compatible bucket, `s3://bucket/prefix`, with the settings of MLflow's process."""

    def __init__(self, destination: str) -> None:
        place = urlsplit(destination)
        self.bucket, self.prefix = place.netloc, place.path.strip("/")

    def dump(self, tar: tarfile.TarFile) -> None:
        """Adds every object to a tar. What is deleted meanwhile is left out."""
        with explained("MLflow's object store"):
            client = self._client()
            below = f"{self.prefix}/" if self.prefix else ""
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=below)
            for key in (found["Key"] for page in pages for found in page.get("Contents", ())):
                if key.endswith("/"):
                    continue  # a folder of a page in a browser
                try:
                    answer = client.get_object(Bucket=self.bucket, Key=key)
                except client.exceptions.NoSuchKey:
                    continue
                entry = tarfile.TarInfo(f"./{key.removeprefix(below)}")
                entry.size, entry.mtime = answer["ContentLength"], int(answer["LastModified"].timestamp())
                tar.addfile(entry, answer["Body"])

    def put(self, name: str, content: IO[bytes]) -> None:
        """Writes one object. `name`: its path in the tar."""
        with explained("MLflow's object store"):
            self._client().upload_fileobj(Unseekable(content), self.bucket, str(PurePosixPath(self.prefix, name)))

    def _client(self) -> "BaseClient":
        if not hasattr(self, "client"):
            import boto3
            from botocore.config import Config

            style = os.environ.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "auto")
            endpoint = os.environ.get("MLFLOW_S3_ENDPOINT_URL")
            self.client = boto3.client("s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": style}))
        return self.client


def database() -> Database | None:
    """MLflow's database, where it is none on the volume."""
    uri = os.environ.get("MLFLOW_BACKEND_STORE_URI", "")
    return Database(uri) if uri.startswith("postgresql") else None


def artifacts() -> Artifacts | None:
    """MLflow's artifacts, where they are not on the volume."""
    destination = os.environ.get("MLFLOW_ARTIFACTS_DESTINATION", "")
    return Artifacts(destination) if destination.startswith("s3://") else None
