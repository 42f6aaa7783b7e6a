"""A lab put away: the recipe of the run, which always works, and its state where that can be written.

The file: a line that says what it is, a line of JSON (``Snapshot.header``), and the packed recipe and state. Restoring
one runs code that is in it, as unpickling does: restore only what you or somebody you trust has made.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from p2plab.constants import MODEL_VERSION, TICKS_PER_SECOND, VERSION
from p2plab.errors import SnapshotError, ValidationError
from p2plab.errors.checked import path_of
from p2plab.errors.frames import faced
from p2plab.events import EventLog
from p2plab.events.files.whole_file import replacing, written
from p2plab.mock.history.history import History
from p2plab.mock.history.replay import MakeWorld, replayed
from p2plab.mock.history.state import load_state, save_state
from p2plab.network import Clock
from p2plab.text import plural

MAGIC = b"p2plab snapshot\n"
FORMAT = 3  # 1 and 2 name modules that are elsewhere now, and the state of other attributes
_FIELDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("p2plab", "python", "digest", "obstacle", "sha256"), str),
    **dict.fromkeys(("model", "seed", "commands", "recipe", "state"), int),
    "now": (int, float),
}
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class Snapshot:
    """A lab as it stood. ``obstacle`` says why its state could not be written, if it could not; the recipe then does.

    ``header`` has the format's ``version``, p2plab's and Python's, the lab's ``seed``, ``now`` and ``digest``, and how
    many ``commands`` the recipe has.
    """

    header: dict[str, Any]
    recipe: bytes
    state: bytes

    @property
    def obstacle(self) -> str:
        """What stood in the way of the state; empty where nothing did."""
        return str(self.header["obstacle"])

    @property
    def history(self) -> History:
        """The commands, for ``Lab.replay``."""
        history: History = pickle.loads(self.recipe)
        return history

    def __bytes__(self) -> bytes:
        body = self.recipe + self.state
        sizes = {"recipe": len(self.recipe), "state": len(self.state), "sha256": hashlib.sha256(body).hexdigest()}
        return MAGIC + json.dumps({**self.header, **sizes}).encode() + b"\n" + body

    @faced
    def save(self, path: str | Path) -> Path:
        """Write it to a file, in the place of what was there; returns the path. ConfigurationError where it cannot be
        written: what was there before is then as it was."""
        path = path_of(path, "the path of a snapshot")
        with written(path, f"the snapshot cannot be saved to {path}"), replacing(path) as file:
            file.write(bytes(self))
        return path

    @classmethod
    @faced
    def load(cls, source: str | Path | bytes) -> Snapshot:
        """Read what ``save`` wrote, or the bytes of it. SnapshotError where it is none, is cut, or is of another
        version."""
        if isinstance(source, bytes):
            name, data = "these bytes", source
        else:
            name, data = str(source), _content(path_of(source, "the path of a snapshot"))
        line, _, body = data.removeprefix(MAGIC).partition(b"\n")
        if not data.startswith(MAGIC):
            raise SnapshotError(f"{name}: this is no snapshot of a lab; lab.snapshot().save(path) makes one")
        header = _header(name, line)
        recipe, state, sha256 = (header.pop(key) for key in ("recipe", "state", "sha256"))
        if len(body) != recipe + state or hashlib.sha256(body).hexdigest() != sha256:
            raise SnapshotError(f"{name} is damaged or cut: its {len(body)} bytes are not those that were saved")
        return cls(header, body[:recipe], body[recipe : recipe + state])

    def __repr__(self) -> str:
        what = f"not its state: {self.obstacle}" if self.obstacle else f"state of {plural(len(self.state), 'byte')}"
        return f"<Snapshot at {self.header['now']} s: {plural(self.header['commands'], 'command')}, {what}>"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SnapshotError(f"the snapshot {path} cannot be read: {error.strerror or error}") from error


def _header(name: str, line: bytes) -> dict[str, Any]:
    """The header's JSON, checked. SnapshotError says which of its fields is missing or makes no sense."""
    try:
        header = json.loads(line)
        version = header["version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SnapshotError(f"{name}: the snapshot's header cannot be read ({error!r})") from error
    if version != FORMAT:
        raise SnapshotError(
            f"{name} is a snapshot of format {version!r} and this p2plab reads format {FORMAT}: restore it with the "
            "p2plab that made it"
        )
    for field, kind in _FIELDS.items():
        value = header.get(field)
        if not isinstance(value, kind) or isinstance(value, bool) or (kind is int and value < 0 and field != "seed"):
            what = "has no" if field not in header else f"has {value!r} as its"
            raise SnapshotError(f"{name}: the snapshot's header {what} {field!r}; it was changed after it was saved")
    return dict(header)


class KeptWorld(Protocol):
    """What is put away."""

    seed: int
    clock: Clock
    events: EventLog

    def history(self) -> History: ...


def take(world: KeptWorld) -> Snapshot:
    """Put a world away. SnapshotError where neither recipe nor state can be."""
    history = world.history()
    stuck = next((f"{command}: {command.stuck}" for command in history.commands if command.stuck), "")
    state, obstacle = b"", ""
    try:
        state = save_state(world)
    except SnapshotError as error:
        obstacle = str(error)
    if stuck and obstacle:
        raise SnapshotError(f"this lab cannot be put away: no recipe, because of {stuck}; no state, because {obstacle}")
    header = {
        "version": FORMAT,
        "p2plab": VERSION,
        "model": MODEL_VERSION,
        "python": PYTHON,
        "seed": world.seed,
        "now": world.clock.now / TICKS_PER_SECOND,
        "commands": len(history),
        "digest": world.events.digest(),
        "obstacle": obstacle,
    }
    return Snapshot(header, pickle.dumps(history, 5), state)


def restored(make: MakeWorld, snapshot: object) -> Any:
    """The world that was put away: from its state, or else by the recipe. SnapshotError where neither gives it."""
    if isinstance(snapshot, (str, Path, bytes)):
        snapshot = Snapshot.load(snapshot)
    if not isinstance(snapshot, Snapshot):
        raise ValidationError(f"restore takes what lab.snapshot() gave, or the path of its file, not {snapshot!r}")
    header = snapshot.header
    for what, here in (("p2plab", VERSION), ("model", MODEL_VERSION), ("python", PYTHON)):
        if header.get(what) != here:
            raise SnapshotError(
                f"the snapshot was made with {what} {header.get(what)}, and this is {here}: it might go on otherwise "
                "than it did there; restore it where it was made"
            )
    world = _from_state(snapshot.state) if snapshot.state else replayed(make, snapshot.history)
    if world.events.digest() != header["digest"]:
        raise SnapshotError(
            "the lab did not come out as it was: something that is not the lab's decides in it, such as random "
            "numbers, a clock or a file that a handler, a validator or an action uses"
        )
    return world


def _from_state(state: bytes) -> Any:
    try:
        return load_state(state)
    except SnapshotError:
        raise
    except Exception as error:  # whatever the unpickling of other classes than there are now comes to
        raise SnapshotError(
            f"the snapshot's state cannot be read ({type(error).__name__}: {error}): it is of another p2plab, or needs "
            "what is not here; restore it where it was made, or replay its history"
        ) from error
