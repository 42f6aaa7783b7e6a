"""Values carried from one lab to another: into a snapshot, or into a replay of the same run.

What belongs to a lab is not copied but named: a node by its name, a stream or a subscription by the command that made
it. A handler that uses ``alice`` then finds in the replay the ``alice`` of the replay. Functions and classes that
cannot be imported (those of a notebook, of a test) travel as they are, through cloudpickle.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, Protocol

from p2plab.errors import SnapshotError
from p2plab.host.names import Roster
from p2plab.host.service import HostService
from p2plab.stream import NetStream
from p2plab.typing import PeerId

Name = tuple[Any, ...]
PLAIN = (type(None), bool, int, float, str, bytes, tuple, list, dict, PeerId)
PARTS = ("clock", "dht", "draws", "driver", "events", "links", "network", "runtime")
"""The attributes of a world that there is one of in each."""
OTHERWISE = (
    "Something that is not the lab's decides: a clock, random numbers or a file that a handler, a validator or an "
    "action uses"
)


class PackedWorld(Protocol):
    """What a lab's own are found in; it has the ``PARTS`` besides."""

    roster: Roster[Any]


class Packer:
    """Packs values of one lab and unpacks them in another. ``made`` has the operations of a replay."""

    def __init__(self, world: PackedWorld) -> None:
        self._world = world
        self.made: dict[int, Any] = {}

    def pack(self, value: Any) -> bytes:
        """SnapshotError says what cannot be carried, and why."""
        file = io.BytesIO()
        try:
            _PlainPickler(file, self.name_of).dump(value)
            return file.getvalue()
        except _NotPlain:
            pass
        from p2plab.mock.history.functions import FunctionPickler

        class CommandPickler(FunctionPickler):
            def persistent_id(self, obj: Any) -> Name | None:
                return name_of(obj)

        name_of, file = self.name_of, io.BytesIO()
        try:
            CommandPickler(file).dump(value)
        except SnapshotError:
            raise
        except Exception as error:
            raise SnapshotError(f"it cannot be carried: {type(error).__name__}: {error}") from error
        return file.getvalue()

    def unpack(self, data: bytes) -> Any:
        """What was packed, with this lab's own in place of what was named. SnapshotError where that is not there."""
        try:
            return unpack(data, self.find)
        except SnapshotError:
            raise
        except Exception as error:
            raise SnapshotError(f"it cannot be unpacked: {type(error).__name__}: {error}") from error

    # -- names

    def name_of(self, value: Any) -> Name | None:
        """What to write for an object of the lab; None for what is to be copied."""
        kind = type(value)
        if kind in PLAIN or not (isinstance(value, HostService) or kind.__module__.startswith("p2plab.")):
            return None
        world = self._world
        if value is world:
            return ("world",)
        for part in PARTS:
            if value is getattr(world, part):
                return ("part", part)
        made_by = getattr(value, "made_by", -1)
        if made_by >= 0:
            return ("made", made_by)
        if isinstance(value, NetStream):
            return ("stream", value.id, value.direction)
        ref = getattr(value, "ref", None)
        if isinstance(ref, str) and (isinstance(value, HostService) or ref.startswith(("node ", "dht ", "door "))):
            if self._owner_of(ref) is not value:
                raise SnapshotError(f"{ref} belongs to another lab")
            return ("ref", ref)
        if kind is type(world):
            raise SnapshotError("it belongs to another lab")
        return None

    def find(self, name: Name) -> Any:
        """The object of this lab that a name stands for."""
        kind, *rest = name
        found: Any = None
        if kind == "world":
            found = self._world
        elif kind == "part":
            found = getattr(self._world, rest[0])
        elif kind == "made":
            operation = self.made.get(rest[0])
            if operation is not None and operation.result is None:
                raise SnapshotError(
                    f"the run goes another way: {operation.what} has given nothing by then. {OTHERWISE}"
                )
            found = None if operation is None else operation.result
        elif kind == "stream":
            streams = (stream for host in self._world.roster for stream in host.streams())
            found = next((one for one in streams if (one.id, one.direction) == tuple(rest)), None)
        elif kind == "ref":
            found = self._owner_of(rest[0])
        if found is None:
            raise SnapshotError(f"this lab has no {' '.join(map(str, name))}, which a command was given on")
        return found

    def _owner_of(self, ref: str) -> Any:
        """What a reference names, ``node alice`` or ``dht alice``; None where there is no such node."""
        kind, _, name = ref.partition(" ")
        host = self._world.roster.by_name.get(name)
        if host is None or kind == "node":
            return host
        if kind == "door":
            return host.ensure_admission_control()
        return host.dht_verbs if kind == "dht" else host.service_of(kind)


def unpack(data: bytes, find: Callable[[Name], Any]) -> Any:
    """What was packed, with ``find(name)`` in place of what was named."""

    class CommandUnpickler(pickle.Unpickler):
        def persistent_load(self, name: Name) -> Any:
            return find(name)

    return CommandUnpickler(io.BytesIO(data)).load()


class _NotPlain(Exception):
    """Something that the plain pickler would carry by its name only."""


class _PlainPickler(pickle.Pickler):
    """For what needs no cloudpickle, which most commands do not: importing it takes longer than they do."""

    def __init__(self, file: io.BytesIO, name_of: Callable[[Any], Name | None]) -> None:
        super().__init__(file, 5)
        self._name_of = name_of

    def persistent_id(self, obj: Any) -> Name | None:
        if type(obj) in PLAIN:
            return None
        name = self._name_of(obj)
        if name is None:
            raise _NotPlain
        return name
