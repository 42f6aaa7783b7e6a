"""Asking is never acting: whatever is only looked at, the run is the same with and without it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.errors import LabError

# Verbs without arguments whose names say that they act, or that take time.
ACTING = {
    "add_nat", "aio", "churn", "clear", "close", "crash", "fork", "heal", "nat_population", "pause", "play", "release",
    "restart", "run", "save", "set_link", "sleep", "snapshot", "step", "stop", "wire",
}  # fmt: skip


def begin() -> Lab:
    lab = Lab(seed=11, jitter=0.01)
    nodes = lab.start_nodes(6)
    lab.wire("ring")
    for node in nodes:
        node.subscribe("news")
    nodes[0].connect(nodes[3])
    lab.run(2)
    nodes[1].publish("news", b"hello")
    lab.run(1)
    return lab


def go_on(lab: Lab) -> tuple[str, str]:
    lab["n2"].dht.put("/lab/x", b"value")
    lab["n5"].dht.get("/lab/x")
    lab["n4"].publish("news", b"again")
    lab["n0"].ping("n4")
    lab.run(20)
    return lab.events.digest(), str(lab.history())


@pytest.fixture(scope="module")
def unasked() -> tuple[str, str]:
    with begin() as lab:
        return go_on(lab)


def readers(thing: Any) -> Iterator[Callable[[], Any]]:
    """Its properties, and its methods that can be called with nothing and do not act."""
    for name in dir(type(thing)):
        if name.startswith("_") or name in ACTING:
            continue
        member = inspect.getattr_static(type(thing), name)
        if isinstance(member, property) or hasattr(member, "func"):
            yield lambda name=name: getattr(thing, name)  # type: ignore[misc]
        elif inspect.isfunction(member) and not inspect.iscoroutinefunction(member):
            parameters = list(inspect.signature(member).parameters.values())[1:]
            if all(parameter.default is not parameter.empty for parameter in parameters):
                yield getattr(thing, name)


def shown(thing: Any) -> None:
    """Every way in which a notebook shows it."""
    for method in (
        "__repr__",
        "__str__",
        "_repr_html_",
        "_repr_mimebundle_",
        "_repr_svg_",
        "_ipython_key_completions_",
    ):
        if hasattr(thing, method):
            getattr(thing, method)()
    dir(thing)


def look(thing: Any) -> None:
    shown(thing)
    for read in readers(thing):
        with suppress(LabError):  # what this world does not have, or needs an argument after all
            shown(read())


class TestNothingComesOf:
    def same(self, unasked: tuple[str, str], ask: Callable[[Lab], object]) -> None:
        with begin() as lab:
            before = lab.events.digest(), str(lab.history())
            ask(lab)
            assert (lab.events.digest(), str(lab.history())) == before
            assert go_on(lab) == unasked

    def test_every_reader_of_a_node(self, unasked: tuple[str, str]) -> None:
        def ask(lab: Lab) -> None:
            for node in lab.nodes:
                look(node)

        self.same(unasked, ask)

    def test_what_a_node_is_asked_about_a_peer_or_a_topic(self, unasked: tuple[str, str]) -> None:
        def ask(lab: Lab) -> None:
            node, other = lab["n0"], lab["n1"]
            for about in (node.mesh, node.fanout, node.topic_peers):
                shown(about("news"))
            shown(node.connections(other))
            shown(node.tags(other))
            shown(node.protections(other))
            shown(node.why(other))
            shown(node.why(other, topic="news"))

        self.same(unasked, ask)

    def test_every_reader_of_a_dht_that_was_never_used(self, unasked: tuple[str, str]) -> None:
        def ask(lab: Lab) -> None:
            for node in lab.nodes:
                dht = node.dht
                for thing in (dht, dht.routing_table(), dht.mode):
                    shown(thing)
                assert [peer.name for peer in dht.routing_table()], "it shows who would be in it"
                dht.why_not("n3")

        self.same(unasked, ask)

    def test_every_reader_of_the_lab(self, unasked: tuple[str, str]) -> None:
        def ask(lab: Lab) -> None:
            look(lab)
            look(lab.network)
            look(lab.events)

        self.same(unasked, ask)

    def test_the_dhts_of_all_nodes(self, unasked: tuple[str, str]) -> None:
        def ask(lab: Lab) -> None:
            holders = lab.dht.holders("/lab/x")
            assert (holders.holding, len(holders.should)) == ([], 6)
            shown(holders)
            shown(lab.dht.key_space("/lab/x"))
            shown(lab.dht)

        self.same(unasked, ask)

    def test_why(self, unasked: tuple[str, str]) -> None:
        def ask(lab: Lab) -> None:
            message = next(event for event in lab.events if event.kind == "pubsub.publish")
            shown(lab.why(message))
            shown(lab.why(lab["n1"], at="n0"))
            shown(lab.why("n1", at=lab["n3"]))
            shown(lab.propagation(message.ref))

        self.same(unasked, ask)

    def test_commands_that_only_show(self, unasked: tuple[str, str]) -> None:
        calls: list[tuple[str, dict[str, Any]]] = [
            ("nodes", {}), ("node_info", {"node": "n0"}), ("edges", {}), ("lab_info", {}), ("now", {}), ("traffic", {}),
            ("connections", {"node": "n0"}), ("peers", {"node": "n0"}), ("list_known_peers", {"node": "n0"}),
            ("protocols", {"node": "n0"}), ("usage", {"node": "n0"}), ("gate", {"node": "n0"}), ("streams", {}),
            ("topics", {"node": "n0"}), ("mesh", {"node": "n0", "topic": "news"}), ("scores", {"node": "n0"}),
            ("params", {"node": "n0"}), ("dht_routing_table", {"node": "n0"}),
            ("dht_why_not", {"node": "n0", "peer": "n3"}), ("dht_holders", {"key": "/lab/x"}), ("events", {}),
            ("event_counts", {}), ("digest", {}), ("history", {}), ("commands", {}),
        ]  # fmt: skip

        def ask(lab: Lab) -> None:
            for name, arguments in calls:
                told = lab.execute_command(name, **arguments)
                assert told["success"], (name, told)

        self.same(unasked, ask)

    def test_pictures(self, unasked: tuple[str, str]) -> None:
        pytest.importorskip("anywidget")

        def ask(lab: Lab) -> None:
            for view in (lab.graph(), lab.console()):
                shown(view)

        self.same(unasked, ask)


def test_a_node_that_is_asked_is_the_node_of_the_lab() -> None:
    with begin() as lab:
        assert isinstance(lab["n0"], Node)
        assert lab["n0"].dht.mode == "server"
