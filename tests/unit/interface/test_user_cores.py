"""Routers, validators and DHT cores of a user's that raise: an event with its reason, and nothing else is harmed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from p2plab import Lab
from p2plab.effects import Note
from p2plab.errors import LabError, ValidationError
from p2plab.kademlia import DhtParams, KademliaNode
from p2plab.kademlia import answers as node_answers
from p2plab.pubsub import FloodSub, GossipSub, GossipSubParams
from p2plab.pubsub import answers as router_answers
from tests.unit.interface.conftest import PATIENCE

NewLab = Callable[..., Lab]


class BadChoice(GossipSub):
    def choose(self, candidates: list[int], count: int, purpose: Any = "graft") -> list[int]:
        raise ZeroDivisionError("no choice")


class BadForward(GossipSub):
    def forward(self, *args: Any) -> Any:
        raise ZeroDivisionError("no way")


class BadNode(KademliaNode):
    def seeds(self, target: int) -> list[int]:
        raise ZeroDivisionError("no seeds")


class BadAnswers(KademliaNode):
    def answer(self, *args: Any) -> Any:
        raise ZeroDivisionError("no answer")


class BadTaking(KademliaNode):
    def answered(self, *args: Any) -> Any:
        super().answered(*args)
        raise ZeroDivisionError("no use for it")


class BadBeginning(KademliaNode):
    def begin(self, *args: Any) -> Any:
        raise ZeroDivisionError("no beginning")


class BadFailing(KademliaNode):
    def failed(self, *args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("no way on")


class BadValidator:
    def validate(self, key: bytes, value: bytes, now: float) -> None:
        raise ZeroDivisionError("no value is good")

    def select(self, key: bytes, values: Any) -> int:
        raise ZeroDivisionError("no value is best")


@pytest.fixture
def defaults(backend: str) -> dict[str, Any]:
    return {"pubsub": "p2plab", "dht": "p2plab"} if backend == "real" else {}


def line_of_three(lab: Lab, **of_the_second: Any) -> list[Any]:
    nodes = [lab.start_node("a"), lab.start_node("b", **of_the_second), lab.start_node("c")]
    nodes[0].connect(nodes[1])
    nodes[1].connect(nodes[2])
    return nodes


def errors(lab: Lab, node: str) -> set[tuple[str | None, str]]:
    return {(event.reason, (event.data or {})["what"]) for event in lab.events.filter(kind="error", node=node)}


def test_a_router_that_cannot_choose_is_told_on_and_p2plabs_choice_stands_in(new_lab: NewLab) -> None:
    lab = new_lab(gossipsub=GossipSubParams.spec())
    a, b, c = line_of_three(lab, router=BadChoice)
    news = c.subscribe("news")
    b.subscribe("news")
    assert lab.run_until(lambda: bool(b.mesh("news") and a.topic_peers("news")), timeout=PATIENCE)
    a.publish("news", b"hello")
    assert news.get(timeout=PATIENCE).data == b"hello"
    assert errors(lab, "b") == {("router", "BadChoice.choose of b")}
    assert {event.node for event in lab.events.filter(kind="error")} == {"b"}


def test_a_router_that_raises_half_way_still_delivers_to_its_own_node(new_lab: NewLab) -> None:
    lab = new_lab(gossipsub=GossipSubParams.spec())
    a, b, _ = line_of_three(lab, router=BadForward)
    news = b.subscribe("news")
    assert lab.run_until(lambda: bool(a.topic_peers("news")), timeout=PATIENCE)
    a.publish("news", b"hello")
    assert news.get(timeout=PATIENCE).data == b"hello"
    assert lab.run_until(lambda: errors(lab, "b") == {("router", "BadForward.forward of b")}, timeout=PATIENCE)
    assert a.ping(b) > 0


def test_a_topic_validator_that_raises_is_an_event(new_lab: NewLab) -> None:
    lab = new_lab()
    a, b, _ = line_of_three(lab)
    b.subscribe("news")
    b.add_validator("news", lambda message: 1 // 0)
    assert lab.run_until(lambda: bool(a.topic_peers("news")), timeout=PATIENCE)
    a.publish("news", b"hello")
    assert lab.run_until(lambda: {reason for reason, _ in errors(lab, "b")} == {"validator"}, timeout=PATIENCE)
    assert a.ping(b) > 0


def test_a_dht_core_that_raises_is_an_event_and_the_others_go_on(new_lab: NewLab) -> None:
    lab = new_lab()
    a, b, _ = line_of_three(lab, dht=DhtParams(node=BadNode))
    assert [peer.name for peer in b.dht.closest_peers("/lab/x").peers] != [], "KademliaNode's own seeds stand in"
    assert errors(lab, "b") == {("dht", "BadNode.seeds of b")}
    assert a.ping(b) > 0


def test_a_dht_core_that_cannot_answer_leaves_the_asker_unharmed(new_lab: NewLab) -> None:
    lab = new_lab()
    a, b, c = line_of_three(lab, dht=DhtParams(node=BadAnswers))
    a.connect(c)
    a.dht.put("/lab/x", b"value")
    assert c.dht.get("/lab/x").value == b"value"
    assert errors(lab, "b") == {("dht", "BadAnswers.answer of b")}
    assert {event.node for event in lab.events.filter(kind="error")} == {"b"}
    assert a.ping(b) > 0


@pytest.mark.parametrize("core", [BadTaking, BadBeginning, BadFailing])
def test_a_lookup_that_a_dht_core_raises_in_ends_at_once(new_lab: NewLab, core: type[KademliaNode]) -> None:
    lab = new_lab()
    a, b, c = line_of_three(lab, dht=DhtParams(node=core))
    assert lab.run_until(lambda: len(b.dht.routing_table()) == 2, timeout=PATIENCE)
    if core is BadFailing:  # on the way to a peer that is gone
        a.crash()
        c.crash()
    began = lab.now
    lookup = b.dht.get("/lab/x")
    assert lab.now - began < 30, "lookup_timeout is 60 s"
    assert lookup.value is None
    verb = {BadTaking: "answered", BadBeginning: "begin", BadFailing: "failed"}[core]
    assert ("dht", f"{core.__name__}.{verb} of b") in errors(lab, "b")
    assert lookup.reason == "core raised"
    assert [event.kind for event in lab.why(lookup)][-2:] == ["error", "dht.done"]


def test_a_validator_of_records_that_raises_refuses_them_with_an_event(new_lab: NewLab) -> None:
    lab = new_lab()
    a, b, c = line_of_three(lab, dht=DhtParams(validators={"lab": BadValidator()}))
    a.connect(c)
    a.dht.put("/lab/x", b"value")
    assert c.dht.get("/lab/x").value == b"value"
    assert errors(lab, "b") == {("dht", "BadValidator.validate of b")}
    assert a.ping(b) > 0


def garbage(name: str, answer: Any) -> dict[str, Any]:
    """A method of this name that answers so."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return answer

    method.__name__ = name
    return {name: method, "__module__": __name__}


def methods_of(cls: type) -> list[str]:
    return [name for name in dir(cls) if not name.startswith("_") and callable(getattr(cls, name))]


WRONG = (None, 5, "no", [None], [-1], (("send", (1,), "x"),), (Note("no.such.kind"),), object(), (Note("error", 99),))


@pytest.mark.dear
@pytest.mark.parametrize("cls", [GossipSub, FloodSub, KademliaNode])
def test_whatever_a_core_of_a_users_answers_leaves_the_lab_unharmed(cls: type) -> None:
    told = 0
    for number, name in enumerate(methods_of(cls)):
        core = type("Mine", (cls,), garbage(name, WRONG[number % len(WRONG)]))
        its: dict[str, Any] = {"dht": DhtParams(node=core)} if cls is KademliaNode else {"router": core}
        with Lab(seed=3, gossipsub=GossipSubParams.spec(heartbeat_initial_delay=0.0)) as lab:
            a, b, c = lab.start_node("a"), lab.start_node("b", **its), lab.start_node("c")
            lab.wire("full")
            news = [node.subscribe("news") for node in (a, b, c)]
            lab.run(2)
            if cls is KademliaNode:
                with contextlib.suppress(LabError):
                    b.dht.put("/lab/x", b"1")
                a.dht.get("/lab/x")
            for node in (a, b, c):
                node.publish("news", b"from " + node.name.encode())
            lab.run(2)
            news[1].close()
            b.disconnect(c)
            c.publish("news", b"at last")
            lab.run(2)
            assert {message.data for message in news[0].messages} >= {b"from a", b"from c", b"at last"}
            assert errors(lab, "b") <= {(("dht" if its.keys() == {"dht"} else "router"), f"Mine.{name} of b")}
            told += len(errors(lab, "b"))
    assert told >= 8, "most of it is told"


@pytest.mark.parametrize(
    ("answers", "classes"), [(node_answers.ANSWERS, (KademliaNode,)), (router_answers.ANSWERS, (GossipSub, FloodSub))]
)
def test_each_check_of_an_answer_is_of_a_method_there_is(answers: dict[str, Any], classes: tuple[type, ...]) -> None:
    methods = {name: method for cls in classes for base in cls.__mro__ for name, method in vars(base).items()}
    annotated = {str(getattr(method, "__annotations__", {}).get("return")) for method in methods.values()}
    assert {name for name in answers if name not in methods and name not in annotated} == set()


class Strange:
    """No router itself, and yet part of one."""

    def recipients(self, *args: Any) -> Any:
        raise ZeroDivisionError("nobody")


class Mixed(Strange, GossipSub):
    choose = staticmethod(lambda *args: 1 // 0)  # type: ignore[assignment]


def test_what_a_router_has_from_another_class_is_guarded_too() -> None:
    with Lab(seed=3) as lab:
        a, b, c = line_of_three(lab, router=Mixed)
        b.subscribe("news")
        news = c.subscribe("news")
        lab.run(3)
        a.publish("news", b"hello")
        lab.run(1)
        assert [message.data for message in news.messages] == [b"hello"], "p2plab's recipients stand in"
        assert errors(lab, "b") == {("router", "Mixed.choose of b"), ("router", "Mixed.recipients of b")}


def test_an_attribute_with_the_name_of_a_method_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(ValidationError, match=r"Mine\.duplicate is 0, and p2plab calls the method of this name"):
        type("Mine", (GossipSub,), {"duplicate": 0, "__module__": __name__})


class SetOnTheObject(GossipSub):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mood = 1  # any attribute of its own
        self.heartbeat = self.beat  # type: ignore[method-assign]
        self.choose = lambda candidates, count, purpose: 1 // 0  # type: ignore[assignment, method-assign, misc]

    def beat(self, now: int) -> Any:
        raise ZeroDivisionError("no beat")


class NodeSetOnTheObject(KademliaNode):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seeds = BadNode.seeds.__get__(self)  # type: ignore[method-assign]


def test_a_method_that_is_set_on_an_object_is_guarded_as_an_override_is() -> None:
    with Lab(seed=7) as lab:
        a = lab.start_node("a", router=SetOnTheObject)
        b = lab.start_node("b")
        a.connect(b)
        a.subscribe("news")
        news = b.subscribe("news")
        lab.run(3)
        a.publish("news", b"hello")
        lab.run(1)
        assert [message.data for message in news.messages] == [b"hello"]
        assert errors(lab, "a") == {
            ("router", "SetOnTheObject.heartbeat of a"),
            ("router", "SetOnTheObject.choose of a"),
        }
        assert {event.node for event in lab.events.filter(kind="error")} == {"a"}
        with pytest.raises(ZeroDivisionError, match="no beat"):  # where nobody is told, it is raised
            SetOnTheObject().heartbeat(0)
    with pytest.raises(ValidationError, match="p2plab calls the method of this name"):
        SetOnTheObject().forward = 3  # type: ignore[assignment, method-assign]


def test_a_dht_core_with_a_method_set_on_it_is_guarded_too() -> None:
    with Lab(seed=7) as lab:
        a, b = lab.start_node("a", dht=DhtParams(node=NodeSetOnTheObject)), lab.start_node("b")
        a.connect(b)
        assert [peer.name for peer in a.dht.closest_peers("/lab/x").peers] == ["b"], "KademliaNode's own seeds stand in"
        assert errors(lab, "a") == {("dht", "NodeSetOnTheObject.seeds of a")}
