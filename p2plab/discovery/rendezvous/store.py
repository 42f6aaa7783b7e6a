"""Registrations that outlive their lab: an SQLite file for the rendezvous points of one lab.

The file holds unix time, since ticks begin anew with every lab: ``epoch`` is the unix time, in seconds, of tick 0.
Every change is one transaction. A row that cannot be read is left out: the file may have been changed by hand.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from p2plab.constants import TICKS_PER_SECOND
from p2plab.discovery.rendezvous.point import Registration
from p2plab.errors import ConfigurationError, PeerIdError
from p2plab.identity.keys import parse_peer_id

__all__ = ["RegistrationStore"]

_VERSION: Final = 1
_SCHEMA: Final = """
create table if not exists registration (node text not null, number integer not null, peer text not null,
    namespace blob not null, record blob not null, expires integer not null, primary key (node, number)) without rowid;
create table if not exists last (node text primary key, number integer not null) without rowid;
"""
_COUNT: Final = "insert into last values (?, ?) on conflict (node) do update set number = max(number, excluded.number)"


class RegistrationStore:
    """``path`` is the file, made where there is none. ConfigurationError for one that is damaged or in use."""

    def __init__(self, path: Path, epoch: float) -> None:
        self._epoch = round(epoch * TICKS_PER_SECOND)
        self._database: sqlite3.Connection | None = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=0.5
        )
        try:
            version = self._database.execute("pragma user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise ConfigurationError(f"{path} is of version {version}; this p2plab knows {_VERSION}")
            self._database.execute("pragma locking_mode=exclusive")
            self._database.executescript(f"begin immediate; {_SCHEMA} pragma user_version={_VERSION}; commit;")
        except sqlite3.Error as error:
            self._database.close()
            raise ConfigurationError(
                f"{path} cannot be used for the registrations of rendezvous points: {error}; move it away to begin anew"
            ) from error
        except ConfigurationError:
            self._database.close()
            raise

    def load(self, node: str) -> tuple[list[Registration], int]:
        """What the point of this node had, and the number it had come to."""
        if self._database is None:
            return [], 0
        found = []
        rows = self._database.execute(
            "select number, peer, namespace, record, expires from registration where node = ?", (node,)
        )
        for number, peer, namespace, record, expires in rows:
            try:
                found.append(Registration(number, parse_peer_id(peer), namespace, record, expires - self._epoch))
            except (PeerIdError, TypeError):
                continue
        row = self._database.execute("select number from last where node = ?", (node,)).fetchone()
        return found, 0 if row is None else int(row[0])

    def change(self, node: str, kept: Registration | None, gone: list[Registration]) -> None:
        """Write down one registration, and take out others."""
        if self._database is None:
            return
        self._database.execute("begin immediate")
        try:
            self._database.executemany(
                "delete from registration where node = ? and number = ?", [(node, one.number) for one in gone]
            )
            if kept is not None:
                row = (node, kept.number, str(kept.peer), kept.namespace, kept.record, kept.expires + self._epoch)
                self._database.execute("insert or replace into registration values (?, ?, ?, ?, ?, ?)", row)
                self._database.execute(_COUNT, (node, kept.number))
        except BaseException:
            self._database.execute("rollback")
            raise
        self._database.execute("commit")

    def clear(self, node: str) -> None:
        """Forget all that this point had."""
        if self._database is not None:
            self._database.execute("delete from registration where node = ?", (node,))
            self._database.execute("delete from last where node = ?", (node,))

    def close(self) -> None:
        """Let others have the file; what is written after that is lost."""
        database, self._database = self._database, None
        if database is not None:
            database.close()
