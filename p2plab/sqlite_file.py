"""An SQLite file that keeps what one node has stored: of one process at a time, and whole after a crash.

Rules:
- What has been said to be stored is in the file: every change is one transaction, written before it counts. A process
  that dies in the middle of a write leaves the file as it was before that write (write-ahead log). A machine that
  loses power may lose the last moments, never more (``synchronous=NORMAL``).
- A file that is in use, damaged, of another version, or somebody else's is refused and left as it is.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from p2plab.errors import ClosedError, ConfigurationError, ValidationError

__all__ = ["SqliteFile"]


class SqliteFile:
    """``path`` is the file, made where there is none, its folder too; ``what`` it is in errors ("block store").

    ``schema`` makes its tables where they are not there; ``application_id`` and ``version`` tell files of this kind
    from others. ValidationError for a file that is in use, or no such file.
    """

    def __init__(self, path: str | Path, what: str, schema: str, version: int, application_id: int = 0) -> None:
        self.path = Path(path)
        self._what = what
        self._database: sqlite3.Connection | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=1.0)
            self._begin(self._database, schema, (application_id, version))
        except (OSError, sqlite3.Error) as error:
            self._give_up()
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise ValidationError(f"{self.path} is in use by another node; give each a file of its own") from error
            raise ValidationError(f"{self.path} cannot be used as a {what}: {error}") from error
        except ValidationError:
            self._give_up()
            raise

    def _begin(self, database: sqlite3.Connection, schema: str, ours: tuple[int, int]) -> None:
        found = tuple(database.execute(f"pragma {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if found != ours and database.execute("select count(*) from sqlite_master").fetchone()[0]:
            raise ValidationError(f"{self.path} is an SQLite file, but no {self._what} of version {ours[1]}")
        database.execute("pragma locking_mode=exclusive")
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=normal")
        marks = f"pragma application_id={ours[0]}; pragma user_version={ours[1]};"
        database.executescript(f"begin immediate; {schema} {marks} commit;")

    def _give_up(self) -> None:
        if self._database is not None:
            self._database.close()

    def damaged(self, error: Exception) -> ValidationError:
        """Close it; the error of a file whose rows make no sense."""
        self._give_up()
        return ValidationError(
            f"{self.path} is damaged as a {self._what}, and was left as it is: {error}; put a good copy in its place, "
            "or take another file"
        )

    @property
    def database(self) -> sqlite3.Connection:
        """The open database. ClosedError when it has been closed."""
        if self._database is None:
            raise ClosedError(f"the {self._what} {self.path} has been closed")
        return self._database

    def rows(self, statement: str, *values: object) -> list[Any]:
        """What a statement finds. Raises sqlite3.Error, ClosedError."""
        return self.database.execute(statement, values).fetchall()

    def write(self, statement: str, *values: object) -> None:
        """One statement, which SQLite makes a transaction of its own. ConfigurationError where it cannot be written."""
        try:
            self.database.execute(statement, values)
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"the {self._what} {self.path} cannot be written: {error}; what is in it is as it was"
            ) from error

    def close(self) -> None:
        """Write everything into the one file and close it; closing again changes nothing."""
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):  # a disk that is full: what was written is in the log beside, and read again
                database.execute("pragma wal_checkpoint(truncate)")
            database.close()
