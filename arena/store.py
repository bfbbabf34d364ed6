"""The one door to DuckDB: one process owns the file, every call has its own cursor, saves come in batches."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import shutil
import threading
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import duckdb
import polars as pl

from arena.records import KEYS, ArenaError, BadInput, Locked, Record, from_json, key_of, table_of, to_json

R = TypeVar("R")
MINIMUM_FREE_BYTES = 64 * 2**20
"""A disk that fills during a checkpoint invalidates the open database, so we stop before that."""


class OwnerLock:
    """The right to open the database: an flock on a file beside it, freed by the kernel on any death.

    DuckDB's own lock is not enough: POSIX drops it as soon as the owner opens and closes the file again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open(path, "a+", encoding="ascii")  # noqa: SIM115 - held for the life of the store
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            text = self._file.read().strip()
            self._file.close()
            owner = int(text) if text.isdigit() else None
            raise Locked(
                f"The arena in {path.parent} is held by another process (process id {owner or 'unknown'}), "
                "probably an open app. Use that app, stop it, or choose another arena with --home.",
                owner,
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        self._file.close()


class Stop:
    """Ends the query that holds it, and refuses those that come after; for one query at a time."""

    def __init__(self) -> None:
        self.pressed = False
        self._interrupt: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def watch(self, interrupt: Callable[[], None] | None) -> None:
        """Raises:
        ArenaError: it was pressed before the query began.
        """
        with self._lock:
            self._interrupt = interrupt
            if interrupt and self.pressed:
                raise ArenaError("The search was stopped.")

    def press(self) -> None:
        with self._lock:
            self.pressed = True
            if self._interrupt:
                self._interrupt()


class Store:
    """The arena's records. Open it with `Store.open`; use it as a context manager or close it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, home: Path, lock: OwnerLock | None) -> None:
        self._connection = connection
        self._lock = lock
        self._writing = threading.RLock()
        self.home = home
        """Folder of the arena: database, runs, models."""
        self.version = 0
        """Moves with every save; caches compare it."""

    @classmethod
    def open(cls, home: Path | None, memory_limit: str = "2GB") -> Store:
        """Open or create the arena in a folder; None keeps it in memory (for tests).

        Raises:
            Locked: another process has it open.
            ArenaError: the database cannot be read or the disk is full.
        """
        lock = None
        try:
            if home is not None:
                home.mkdir(parents=True, exist_ok=True)
                lock = OwnerLock(home / "arena.lock")
            connection = duckdb.connect(str(home / "arena.duckdb") if home else ":memory:")
        except duckdb.Error as error:
            if lock:
                lock.release()
            raise ArenaError(f"The database in {home} cannot be opened: {error}") from error
        except OSError as error:
            raise ArenaError(f"The arena's folder {home} cannot be used: {error}") from error
        _configure(connection, memory_limit)
        store = cls(connection, home or Path(".arena"), lock)
        store._migrate()
        return store

    def _migrate(self) -> None:
        """Apply the migrations of schema.sql that this database has not seen, then renew the views."""
        text = files("arena").joinpath("schema.sql").read_text("utf-8")
        tables, _, views = text.partition("-- views")
        steps = tables.split("-- migration ")[1:]
        cursor = self._connection.cursor()
        cursor.execute("CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, title VARCHAR)")
        done = {row[0] for row in cursor.execute("SELECT number FROM migration").fetchall()}
        if done and max(done) > len(steps):
            raise ArenaError(
                f"The arena in {self.home} has the newer schema {max(done)}; update WizardArena."
            )
        for step in steps:
            head, _, body = step.partition("\n")
            number, _, title = head.partition(": ")
            if int(number) not in done:
                with self._transaction() as write:
                    write.execute(body)
                    write.execute("INSERT INTO migration VALUES (?, ?)", [int(number), title])
        if views:
            cursor.execute(views)

    def query(
        self,
        sql: str,
        params: Sequence[object] | dict[str, object] = (),
        seconds: float | None = None,
        frames: Mapping[str, pl.DataFrame] | None = None,
        stop: Stop | None = None,
    ) -> pl.DataFrame:
        """The rows that a SELECT finds. For the rooms; pages call the rooms.

        Args:
            frames: tables that the SELECT may name beside those of the arena.
            stop: lets another thread end it.

        Raises:
            ArenaError: it was stopped, or took longer than `seconds` (for free-text searches).
        """
        cursor = self._connection.cursor()
        for name, frame in (frames or {}).items():
            cursor.register(name, frame)
        timer = threading.Timer(seconds, cursor.interrupt) if seconds else None
        if timer:
            timer.start()
        try:
            if stop:
                stop.watch(cursor.interrupt)
            return typing.cast("pl.DataFrame", cursor.sql(sql, params=params or None).pl())
        except duckdb.InterruptException as error:
            if stop and stop.pressed:
                raise ArenaError("The search was stopped.") from error
            raise ArenaError("The search took too long and was stopped; narrow it with a filter.") from error
        finally:
            if timer:
                timer.cancel()
            if stop:
                stop.watch(None)

    def load(
        self, kind: type[R], where: str = "true", params: Sequence[object] = (), order: str = ""
    ) -> list[R]:
        """The records of one class that a condition holds for, e.g. `load(Battle, "winner = ?", ["A"])`."""
        names = ", ".join(f'"{f.name}"' for f in dataclasses.fields(typing.cast("Any", kind)))
        tail = f" ORDER BY {order}" if order else ""
        frame = self.query(f"SELECT {names} FROM {table_of(kind)} WHERE {where}{tail}", params)
        json_columns = _json_columns(kind)
        return [
            from_json(kind, {k: json.loads(v) if k in json_columns else v for k, v in row.items()})
            for row in frame.iter_rows(named=True)
        ]

    def get(self, kind: type[R], *key: object) -> R | None:
        """The record with this key, or None."""
        where = " AND ".join(f'"{name}" = ?' for name in KEYS[kind])
        found = self.load(kind, where, key)
        return found[0] if found else None

    def count(self, kind: type, where: str = "true", params: Sequence[object] = ()) -> int:
        return int(self.query(f"SELECT count(*) FROM {table_of(kind)} WHERE {where}", params).item())

    def save(self, records: Iterable[Record], moves: bool = True) -> int:
        """Save records of any classes in one transaction; one with a known key replaces the old one.

        Returns the number of distinct records. Saving twice is saving once. With `moves` False `version`
        stays: for records that no cached answer depends on.
        """
        with self._transaction(moves) as cursor:
            return self._save_into(cursor, records)

    def save_from_journal(self, run: str, file: str, offset: int, records: Iterable[Record]) -> int:
        """Save rows copied from a run's journal and how far it was read, both or neither."""
        with self._transaction() as cursor:
            saved = self._save_into(cursor, records)
            cursor.execute("INSERT OR REPLACE INTO journal VALUES (?, ?, ?)", [run, file, offset])
            return saved

    def journal_offsets(self, run: str) -> dict[str, int]:
        """Bytes read so far of each journal of a run."""
        frame = self.query('SELECT file, "offset" FROM journal WHERE run = ?', [run])
        return dict(frame.iter_rows())

    def delete(self, kind: type, where: str, params: Sequence[object]) -> None:
        """Delete what a condition holds for. Only for what is derived or was never used."""
        with self._transaction() as cursor:
            cursor.execute(f"DELETE FROM {table_of(kind)} WHERE {where}", params)

    def backup(self, target: Path) -> None:
        """Write a compact copy of the database while it is in use.

        Raises:
            BadInput: the file exists already.
        """
        if target.exists():
            raise BadInput(f"{target} exists already; choose a new file for the backup.")
        with self._writing:
            cursor = self._connection.cursor()
            source = cursor.execute("SELECT current_database()").fetchone()
            assert source
            try:
                cursor.execute(f"ATTACH '{str(target).replace(chr(39), chr(39) * 2)}' AS backup_copy")
                cursor.execute(f'COPY FROM DATABASE "{source[0]}" TO backup_copy')
            except duckdb.Error as error:
                raise ArenaError(f"The backup to {target} failed: {error}") from error
            finally:
                cursor.execute("DETACH DATABASE IF EXISTS backup_copy")

    def close(self) -> None:
        with self._writing:
            self._connection.close()
            if self._lock:
                self._lock.release()
                self._lock = None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _transaction(self, moves: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor whose work is kept whole or not at all; one writer at a time."""
        with self._writing:
            self._require_space()
            cursor = self._connection.cursor()
            cursor.execute("BEGIN")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except duckdb.Error as error:
                _rollback(cursor)
                raise ArenaError(f"The arena's database refused to save: {error}") from error
            except BaseException:
                _rollback(cursor)
                raise
            self.version += moves

    def _require_space(self) -> None:
        if self._lock and shutil.disk_usage(self.home).free < MINIMUM_FREE_BYTES:
            raise ArenaError(
                f"Less than {MINIMUM_FREE_BYTES // 2**20} MiB are free on the disk of {self.home}. "
                "Nothing was lost: free some space, and what runs have written will be taken in."
            )

    def _save_into(self, cursor: duckdb.DuckDBPyConnection, records: Iterable[Record]) -> int:
        by_kind: dict[type, dict[tuple[Any, ...], Record]] = {}
        for record in records:
            by_kind.setdefault(type(record), {})[key_of(record)] = record
        for kind, rows in by_kind.items():
            cursor.register("incoming", _frame(kind, list(rows.values())))
            names = ", ".join(f'"{f.name}"' for f in dataclasses.fields(kind))
            cursor.execute(f"INSERT OR REPLACE INTO {table_of(kind)} ({names}) SELECT {names} FROM incoming")
            cursor.unregister("incoming")
        return sum(len(rows) for rows in by_kind.values())


def _rollback(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:  # the failed statement has already ended the transaction
        return


def _configure(connection: duckdb.DuckDBPyConnection, memory_limit: str) -> None:
    connection.execute(f"SET memory_limit = '{memory_limit}'")
    for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
        connection.execute(f"SET {name} = false")


def _json_columns(kind: type) -> set[str]:
    """Columns kept as JSON text: mappings, nested records and free JSON."""
    hints = typing.get_type_hints(kind)
    return {f.name for f in dataclasses.fields(kind) if _column(hints[f.name]) == "JSON"}


def _column(hint: Any) -> str:
    arguments = [a for a in typing.get_args(hint) if a is not type(None)]
    plain = arguments[0] if type(None) in typing.get_args(hint) and len(arguments) == 1 else hint
    if typing.get_origin(plain) is tuple:
        return "LIST"
    simple = {int: "INT", float: "FLOAT", bool: "BOOL"}
    if plain in simple:
        return simple[plain]
    return "TEXT" if isinstance(plain, type) and issubclass(plain, str) else "JSON"


_POLARS: dict[str, Any] = {
    "LIST": pl.List(pl.String),
    "INT": pl.Int64,
    "FLOAT": pl.Float64,
    "BOOL": pl.Boolean,
    "TEXT": pl.String,
    "JSON": pl.String,
}


def _frame(kind: type, records: list[Record]) -> pl.DataFrame:
    """Records as a frame with one column a field. Lone surrogates, which no UTF-8 holds, become '?'."""
    hints = typing.get_type_hints(kind)
    rows = [to_json(record) for record in records]
    columns = {}
    for field in dataclasses.fields(kind):
        form = _column(hints[field.name])
        values = [_clean(row[field.name]) for row in rows]
        if form == "JSON":
            values = [json.dumps(value, ensure_ascii=False) for value in values]
        columns[field.name] = pl.Series(field.name, values, dtype=_POLARS[form], strict=False)
    return pl.DataFrame(columns)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(k): _clean(v) for k, v in value.items()}
    return value
