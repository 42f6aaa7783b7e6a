"""Cores of pubsub, the DHT and admission are given input, time and random numbers, and hold nothing of their world."""

from __future__ import annotations

import ast
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import pytest

from p2plab import Lab
from p2plab.admission import Limits, Watermarks
from p2plab.events import EventLog
from p2plab.mock.host import MockHost
from p2plab.mock.world import MockWorld
from p2plab.pubsub import FloodSub, GossipSubParams, ScoreParams, TopicScoreParams
from p2plab.pubsub.seen import SeenCache

PACKAGE = Path(__file__).parents[2] / "p2plab"
ROOMS = ("admission", "kademlia", "pubsub")
HANDS_ON = ("kademlia/network.py",)  # names that are no cores

OF_SHELLS = {"Runtime", "Timer", "Waiter", "LabCalls"}  # in p2plab.typing

# What a core may look up of its peers, and whom it tells that a user's override raised (p2plab/errors/overrides.py).
MAY_ASK = {
    "pubsub.directory", "pubsub.raised",
    "dht.raised", "dht.space._addresses_of", "dht.space._index_of", "dht.space._peer_id_of",
    "admission._peers",
}  # fmt: skip


def files_of(rooms: tuple[str, ...]) -> list[Path]:
    others = [PACKAGE / name for name in HANDS_ON]
    found = [file for room in rooms for file in (PACKAGE / room).rglob("*.py")]
    return [file for file in found if "shell" not in file.parts and file.name != "__init__.py" and file not in others]


def imports(file: Path) -> Iterator[tuple[str, set[str]]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, {alias.name for alias in node.names}


def test_cores_know_no_timers_no_tasks_and_no_shell_be_it_for_a_type() -> None:
    files = files_of(ROOMS)
    assert len(files) > 50
    for file in files:
        for module, names in imports(file):
            assert ".shell" not in module, file
            assert not names & {"shell", *OF_SHELLS}, file


@pytest.mark.dear
def test_what_decides_knows_no_event_log_be_it_for_a_type() -> None:
    for file in files_of((*ROOMS, "content", "discovery", "nat", "protocols", "roles", "routing")):
        assert [module for module, _ in imports(file) if module.startswith("p2plab.events")] == [], file


def test_the_cause_of_what_happens_is_set_by_the_log_and_the_clock_alone() -> None:
    """``log.cause``: everybody else asks the log for ``because``, ``caused`` or ``continue_from``."""
    sets = re.compile(r"(?:log|events)\.cause(?:, [\w.]+)* = ")
    found = {
        file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py") if sets.search(file.read_text("utf-8"))
    }
    assert found == {"events/causes.py", "network/clock.py"}  # and log.py, of itself


def held(thing: Any) -> Iterator[tuple[str, Any]]:
    """What an object holds, by the name of the attribute; of a function, what it closes over."""
    if isinstance(thing, dict):
        yield from (("{}", one) for pair in thing.items() for one in pair)
    elif isinstance(thing, (list, tuple, set, frozenset, deque)):
        yield from (("[]", one) for one in thing)
    elif isinstance(thing, MethodType):
        yield "__self__", thing.__self__
    elif isinstance(thing, FunctionType):
        yield from (("()", cell.cell_contents) for cell in thing.__closure__ or ())
    for cls in type(thing).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(thing, name):
                yield name, getattr(thing, name)
    yield from getattr(thing, "__dict__", {}).items()


def of_a_core(thing: object) -> bool:
    """Whether it is data of a core's, or a class of another package (a list, a network of IP addresses)."""
    room = type(thing).__module__.split(".")
    return room[0] != "p2plab" or (room[1] in (*ROOMS, "chance", "effects", "identity") and "shell" not in room)


def foreign(core: object, path: str) -> tuple[list[str], set[str]]:
    """The ways from a core to what is no core's; and the names of the classes on the way."""
    found: list[str] = []
    met = {type(core).__name__}
    seen, waiting = {id(core)}, [(path, core)]
    while waiting:
        path, thing = waiting.pop()
        for name, value in held(thing):
            way = f"{path}.{name}"
            if way in MAY_ASK or id(value) in seen or isinstance(value, (type, str, bytes, int, float, type(None))):
                continue
            seen.add(id(value))
            if of_a_core(value):
                met.add(type(value).__name__)
                waiting.append((way, value))
            else:
                found.append(f"{way}: {type(value).__qualname__}")
    return found, met


@pytest.fixture(scope="module")
def hosts() -> Iterator[list[MockHost]]:
    """Nodes in the middle of things: meshes, scores, gossip, a lookup under way, admission with something to trim."""
    scores = ScoreParams(default_topic=TopicScoreParams())
    params = GossipSubParams.spec(D=2, D_low=1, D_high=3, D_score=1, D_out=0, score=scores)
    with Lab(seed=4, gossipsub=params) as lab:
        nodes = lab.start_nodes(8, limits=Limits(), watermarks=Watermarks(low=2, high=20, grace=100))
        nodes.append(lab.start_node("flood", router="floodsub"))
        lab.wire("full")
        for node in nodes:
            node.subscribe("news")
        lab.run(3)
        nodes[0].dht.put("/lab/a", b"1")
        nodes[0].publish("news", b"hello")

        async def look() -> None:
            await lab.aio["n3"].dht.get("/lab/b")

        lab.at(lab.now + 1, look)
        lab.run(1.02)
        world = nodes[0].world
        assert isinstance(world, MockWorld)
        yield list(world.roster.by_name.values())


def test_a_live_router_holds_nothing_of_its_world(hosts: list[MockHost]) -> None:
    found = [foreign(host.pubsub.router, "pubsub") for host in hosts]
    assert [way for ways, _ in found for way in ways] == []
    met = set().union(*(classes for _, classes in found))
    assert {"GossipSub", "FloodSub", "Peer", "Meshes", "Scores", "Publication", "SeenCache", "Stream"} <= met


def test_a_live_dht_node_holds_nothing_of_its_world(hosts: list[MockHost]) -> None:
    found = [foreign(host.dht.core, "dht") for host in hosts]
    assert [way for ways, _ in found for way in ways] == []
    met = set().union(*(classes for _, classes in found))
    assert {"KademliaNode", "KademliaRoutingTable", "Bucket", "StoredValue", "GetValue", "IterativeLookup"} <= met


def test_a_live_admission_core_holds_nothing_of_its_world(hosts: list[MockHost]) -> None:
    controls = [host.admission_control for host in hosts if host.admission_control is not None]
    found = [foreign(control._core, "admission") for control in controls]
    assert [way for ways, _ in found for way in ways] == []
    assert {"AdmissionCore", "Admitted", "ResourceLedger", "Limits", "Watermarks"} <= set().union(
        *(met for _, met in found)
    )


def test_a_core_that_held_the_log_would_be_found(hosts: list[MockHost]) -> None:
    (way,), _ = foreign(FloodSubWithALog(hosts[0].world.events), "pubsub")
    assert way == "pubsub.seen.tell.__self__: EventLog"


class FloodSubWithALog(FloodSub):
    def __init__(self, log: EventLog) -> None:
        super().__init__()
        self.seen = Telling(log)


class Telling(SeenCache):
    def __init__(self, log: EventLog) -> None:
        super().__init__(1)
        self.tell = log.record
