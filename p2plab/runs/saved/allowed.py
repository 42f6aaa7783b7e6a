"""What a saved run may name of p2plab's without leave: verbs of a mock lab, and functions and classes of the cores.

A file comes from a stranger. A lab of its kind touches nothing outside itself, so that playing it again harms nobody,
but p2plab also has functions that write files, open sockets or start programs, and its modules hold the standard
library's. Whatever is not listed here needs ``run_code=True``.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any, Final

from p2plab.errors import SnapshotError
from p2plab.mock.history.packing import Name

__all__ = ["check_files", "check_verb", "class_of_ours", "function_of_ours", "method_of_ours", "verb_of_face"]

# Rooms whose functions and classes may be given to verbs: cores, which have no I/O (import-linter holds them to it).
FUNCTIONS: Final = ("admission", "attacks", "kademlia", "nat", "protocols", "pubsub", "stream")
FUNCTIONS_TOO: Final = ("p2plab.commands.catalogue.streams",)  # the handlers that the command serve registers
NOT_THOSE: Final = ("p2plab.kademlia.storage",)  # a store may be a file
# Rooms whose dataclasses, enumerations and faces are values.
VALUES: Final = (*FUNCTIONS, "api", "content", "discovery", "events", "host", "identity", "mock", "network", "typing")
WORLD_VERBS: Final = ("start_nodes", "wire", "extend", "schedule", "reseed", "sleep", "until")
PART_VERBS: Final[dict[str, tuple[str, ...] | None]] = {  # None: every one
    "network": None,
    "dht": ("crawl", "fill"),
    "events": ("_set_level",),
    "runtime": ("spawn",),
}
# Names of verbs that read or write files, or listen, wherever they stand.
OUTWARD: Final = (
    "capture",
    "export",
    "gateway",
    "import_car",
    "load",
    "record",
    "restore",
    "save",
    "serve",
    "snapshot",
)
CONTENT_VERBS: Final = ("get",)  # of a node's content: they write files
# Verbs of the network that read files; what they read is in the commands that they lead to.
READING: Final = ("churn", "load_latencies")
LAB_VERBS: Final = ("at", "connect", "every", "extend", "start_node", "start_nodes", "wire")
LEAVE: Final = "open it with run_code=True if you trust whoever made it"


def check_verb(name: Name, verb: str) -> None:
    """SnapshotError unless a command of a saved run may call ``verb`` on what the name stands for."""
    kind, *rest = name
    if kind == "world":
        allowed = verb in WORLD_VERBS
    elif kind == "part":
        verbs = PART_VERBS.get(rest[0], ())
        allowed = not verb.startswith("__") and verb not in READING if verbs is None else verb in verbs
    else:
        own = kind == "made" and verb == "_cancel"
        allowed = own or not (verb.startswith("_") or verb in OUTWARD)
    if not allowed:
        what = " ".join(map(str, name))
        raise SnapshotError(f"it calls {verb} of {what}, which is no verb that a saved run may call by itself: {LEAVE}")


def check_files(name: Name, verb: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """SnapshotError where a command of a saved run would read files of the machine that opens it: ``content.add`` of a
    path, given now or planned."""
    given = (*args, *kwargs.values())
    planned = (one for one in given if isinstance(one, MethodType) and one.__name__ == "add")
    if any("Content" in action.__func__.__qualname__ for action in planned):
        args = next((one for one in given if isinstance(one, (tuple, list)) and one), ())
    elif name[0] != "ref" or not str(name[1]).startswith("content ") or verb != "add":
        return
    if not args or not isinstance(args[0], bytes):
        what = f"{str(args[0])[:200]!r}, " if args else ""
        raise SnapshotError(f"it adds {what}a file or folder that is not in the saved run: {LEAVE}")


def function_of_ours(path: str) -> Any:
    """The function or class of a core at ``module:qualname``. SnapshotError for anything else."""
    module, qualname = _split(path)
    allowed = module in FUNCTIONS_TOO or (_room(module) in FUNCTIONS and not module.startswith(NOT_THOSE))
    if not allowed:
        raise SnapshotError(f"it uses {path}, which a saved run may not use by itself: {LEAVE}")
    found = _found(module, qualname)
    if not isinstance(found, (FunctionType, type)):
        raise SnapshotError(f"{path} is no function and no class")
    return found


def method_of_ours(path: str) -> FunctionType:
    """The verb at ``module:Class.verb``, of something that is known by its name alone. SnapshotError for anything
    else."""
    module, qualname = _split(path)
    owner, _, verb = qualname.rpartition(".")
    _check_method(module, owner, verb, path)
    return _verb(_found(module, qualname), path)


def verb_of_face(face: type, path: str) -> FunctionType:
    """The verb of a face that ``module:Class.verb`` names last, whichever of its bases has it. SnapshotError for
    anything else."""
    verb = path.rpartition(".")[2]
    _check_method(face.__module__, face.__name__, verb, path)
    return _verb(next((vars(base)[verb] for base in face.__mro__ if verb in vars(base)), None), path)


def _check_method(module: str, owner: str, verb: str, path: str) -> None:
    allowed = _room(module) in VALUES and verb not in OUTWARD and not verb.startswith("__")
    if "Lab" in owner.removeprefix("Async")[:3]:
        allowed = allowed and verb in LAB_VERBS
    if "Content" in owner:
        allowed = allowed and verb not in CONTENT_VERBS
    if not owner or not allowed:
        raise SnapshotError(f"{path!r} is no verb that a saved run may call by itself: {LEAVE}")


def _verb(found: Any, path: str) -> FunctionType:
    if not isinstance(found, FunctionType) or not found.__module__.startswith("p2plab."):
        raise SnapshotError(f"{path!r} is no verb of p2plab's")
    return found


def class_of_ours(path: Any) -> Any:
    """The class of values at ``module:Class``. SnapshotError for anything else."""
    if not isinstance(path, str):
        raise SnapshotError(f"{path!r} is no class of p2plab's")
    module, qualname = _split(path)
    if _room(module) not in VALUES:
        raise SnapshotError(f"{path!r} is no class of values of p2plab's")
    found = _found(module, qualname)
    if not isinstance(found, type):
        raise SnapshotError(f"{path!r} is no class of p2plab's")
    return found


def _split(path: str) -> tuple[str, str]:
    module, _, qualname = path.partition(":")
    if not module.startswith("p2plab.") or any(part.startswith("__") for part in module.split(".")):
        raise SnapshotError(f"{path!r} is nothing of p2plab's")
    return module, qualname


def _room(module: str) -> str:
    return module.split(".")[1]


def _found(module: str, qualname: str) -> Any:
    """What the module itself defines under that name: not what it imported, nor what hangs on that. What an earlier
    p2plab had in another module is found by its public name in the room."""
    try:
        found: Any = importlib.import_module(module)
        for part in qualname.split("."):
            found = vars(found)[part]
    except (ImportError, AttributeError, KeyError, TypeError) as error:
        public = _public(_room(module), qualname)
        if public is not None:
            return public
        raise SnapshotError(
            f"it uses {module}:{qualname}, which this p2plab does not have ({error}); open it with the version that "
            "saved it, which its manifest.json names"
        ) from error
    if getattr(found, "__module__", None) != module or getattr(found, "__qualname__", None) != qualname:
        raise SnapshotError(f"{module}:{qualname} is not defined there")
    return found


def _public(room: str, name: str) -> Any:
    """What one of the rooms above has under a public name, and defines itself; None for anything else."""
    if room not in VALUES:  # of the room of FUNCTIONS_TOO that module is allowed and no other
        return None
    try:
        module = importlib.import_module(f"p2plab.{room}")
    except ImportError:
        return None
    found = vars(module).get(name) if name in getattr(module, "__all__", ()) else None
    home = str(getattr(found, "__module__", ""))
    return found if home.startswith(f"p2plab.{room}.") and not home.startswith(NOT_THOSE) else None
