"""Lesson 12's node outside, in Python, and the exercises about it: what is accepted, and what each hint says."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab, teaching
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.teaching import outside
from p2plab.teaching.exercises import find
from p2plab.teaching.outside import OwnNode, missing_toolchain, own_node

pytestmark = pytest.mark.real
SOLUTIONS = runpy.run_path(str(Path(__file__).parents[3] / "notebooks" / "solutions" / "12_own_node.py"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnNode]:
    with own_node("python", tmp_path_factory.mktemp("own")) as node:
        yield node


@pytest.fixture(scope="module")
def pinged(theirs: OwnNode) -> Iterator[Lab]:
    with SOLUTIONS["answer_1"](theirs.address) as lab:
        yield lab


@pytest.fixture(scope="module")
def passed_on(theirs: OwnNode) -> Iterator[Lab]:
    with SOLUTIONS["answer_2"](theirs.address) as lab:
        yield lab


def says(name: str, answer: Any) -> str:
    verdict = find(name)(answer)
    assert not verdict
    return verdict.says


def outsider() -> Lab:
    """A lab whose node another lab attaches."""
    lab = Lab("real", seed=8)
    lab.start_node("stranger").subscribe("news")
    return lab


def attached(to: Lab, *lab_nodes: str) -> Lab:
    """A lab in which the first of these nodes is connected with the stranger, and every other with the one before."""
    lab = Lab("real", seed=7)
    before: Any = lab.attach(to["stranger"].addresses[0], name="stranger")
    for name in lab_nodes:
        node = lab.start_node(name)
        node.subscribe("news")
        node.connect(before)
        before = node
    assert lab.run_until(lambda: all(len(node.mesh("news")) == len(node.peers()) for node in lab.nodes), timeout=30)
    return lab


def spread(to: Lab, lab: Lab) -> Lab:
    """The stranger publishes, and everybody gets it."""
    assert to.run_until(lambda: bool(to["stranger"].mesh("news")), timeout=30)
    sent = to["stranger"].publish("news", "from outside")
    wanted = len(lab.nodes)
    assert lab.run_until(lambda: len(lab.events.filter(kind="pubsub.deliver", ref=sent.id)) == wanted, timeout=30)
    return lab


class TestTheProgram:
    def test_it_listens_and_tells_what_it_hears(self, theirs: OwnNode, passed_on: Lab) -> None:
        assert theirs.running
        assert theirs.program.name == "node.py"
        assert theirs.wait_for("heard on news: roll call") is not None
        assert theirs.wait_for("never said", timeout=0.01) is None

    def test_it_speaks_its_own_protocol(self, theirs: OwnNode, pinged: Lab) -> None:
        stream = pinged["alice"].open_stream(theirs.address, ["/greet/1.0.0"])
        stream.write(b"alice")
        stream.close_write()
        assert stream.read() == b"hello alice, here is py-libp2p"

    def test_the_learners_changes_are_kept_and_the_program_before_ends(self, tmp_path: Path) -> None:
        first = own_node("python", tmp_path)
        changed = first.program.read_text(encoding="utf-8").replace(
            '"listening on"', '"changed: 1"); print("listening on"'
        )
        first.program.write_text(changed, encoding="utf-8")
        with own_node("python", tmp_path) as second:
            assert not first.running
            assert second.wait_for("changed: 1") is not None
        assert not second.running
        second.stop()

    def test_a_program_that_does_not_start_is_shown_with_its_last_words(self, tmp_path: Path) -> None:
        (tmp_path / "python").mkdir()
        (tmp_path / "python" / "node.py").write_text("print('no libp2p today')")
        with pytest.raises(ConfigurationError, match=r"did not say 'listening on ADDRESS'.*no libp2p today"):
            own_node("python", tmp_path)

    def test_what_a_machine_lacks_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ValidationError, match="there is a node in js, go, python, none in 'rust'"):
            own_node("rust", tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(outside, "find_spec", lambda name: None)
        assert "no Node.js" in str(missing_toolchain("js"))
        assert "go-libp2p needs Go 1." in str(missing_toolchain("go"))
        assert "p2plab[real]" in str(missing_toolchain("python"))
        with pytest.raises(ConfigurationError, match=r"js: there is no Node.*go: there is no Go.*python: py-libp2p"):
            own_node(None, tmp_path)

    def test_the_next_language_is_taken_where_one_is_missing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lacks = {"js": "no js today", "go": "no go today"}
        monkeypatch.setattr(outside, "missing_toolchain", lacks.get)
        with own_node(None, tmp_path) as node:
            assert (node.language, node.skipped) == ("python", lacks)


class TestAttached:
    def test_what_is_attached_connected_and_pinged_is_accepted(self, pinged: Lab, tmp_path: Path) -> None:
        with outsider() as to, attached(to, "alice", "bob") as lab:
            lab["alice"].ping("stranger")
            saved = p2plab.open(lab.save(tmp_path / "run.p2plab"))
            answers = [pinged, lab, saved]
            assert all(find("12.1")(answer) for answer in answers)
        assert find("12.1")(lab)  # closed
        with outsider() as to:
            other = Lab("real", seed=7)
            stranger = other.attach(to["stranger"].addresses[0], name="somebody else")
            carol = other.start_node("carol", pubsub="p2plab")
            carol.connect(stranger)
            carol.ping(stranger)
            verdict = find("12.1")(other)
            assert "somebody else answered carol" in verdict.says
            other.close()

    def test_each_mistake_is_named(self) -> None:
        assert "the answer is a lab" in says("12.1", None)
        assert "this is a mock lab" in says("12.1", Lab(seed=1))
        with outsider() as to, Lab("real", seed=7) as lab:
            alice, bob = lab.start_node("alice"), lab.start_node("bob")
            assert "lab.attach(theirs.address)" in says("12.1", lab)
            stranger = lab.attach(to["stranger"].addresses[0])
            assert "attach only gives it a name" in says("12.1", lab)
            alice.connect(bob)
            alice.ping(bob)
            assert "no node of the lab is connected with it" in says("12.1", lab)
            alice.connect(stranger)
            assert "alice is connected with" in says("12.1", lab)
        assert "the answer is a lab" in says("12.1", "/ip4/127.0.0.1/tcp/1")


class TestPassedOn:
    def test_what_came_from_outside_by_way_of_another_is_accepted(self, passed_on: Lab, tmp_path: Path) -> None:
        assert find("12.2")(passed_on)
        with outsider() as to, attached(to, "alice", "bob", "carol") as lab:
            spread(to, lab)
            assert "bob got it from alice" in find("12.2")(lab).says
            assert find("12.2")(p2plab.open(lab.save(tmp_path / "run.p2plab")))
        assert find("12.2")(lab)  # closed

    def test_each_mistake_is_named(self, pinged: Lab) -> None:
        assert "the answer is a lab" in says("12.2", None)
        assert "this is a mock lab" in says("12.2", Lab(seed=1))
        assert "somebody has to publish that" in says("12.2", pinged)
        with outsider() as to, attached(to, "alice") as lab:
            lab["alice"].publish("news", "hello")
            assert "is it in the mesh" in says("12.2", lab)
            spread(to, lab)
            assert "came to alice, each of which is connected with it" in says("12.2", lab)
            lab.start_node("deaf").connect("alice")
            assert "let it subscribe as well" in says("12.2", lab)


class TestLayers:
    def test_the_layers_are_what_diagnose_says(self, theirs: OwnNode) -> None:
        before, peer_id = theirs.address.partition("/tcp/")[0], theirs.address.split("/")[-1]
        stranger = Lab(seed=99).start_node("x").peer_id
        with Lab("real", seed=7) as lab:
            alice = lab.start_node("alice")
            found = {
                "another port": lab.diagnose(alice, f"{before}/tcp/1/p2p/{peer_id}").layer,
                "another peer id": lab.diagnose(alice, theirs.address.replace(peer_id, stranger)).layer,
                "another version": lab.diagnose(alice, theirs.address, protocol="/greet/2.0.0").layer,
            }
        assert found == SOLUTIONS["answer_3"]()

    def test_right_ones_are_accepted(self) -> None:
        right = SOLUTIONS["answer_3"]()
        upper = {name: layer.upper() for name, layer in right.items()}
        spaced = {name: f" {layer} " for name, layer in right.items()}
        for answer in (right, upper, spaced, dict(reversed(right.items())), dict(sorted(right.items()))):
            assert find("12.3")(answer)

    @pytest.mark.parametrize(
        ("change", "hint"),
        [
            ({"another port": None}, "still open: another port"),
            ({"another port": "dial"}, "another port: not 'dial'. Nobody listens there"),
            ({"another peer id": "security"}, "proves to be another peer"),
            ({"another version": "connection"}, "do not agree on what to talk in"),
            ({"a fourth": "x"}, "'a fourth' is not asked for"),
        ],
    )
    def test_wrong_ones_are_named(self, change: dict[str, Any], hint: str) -> None:
        assert hint in says("12.3", {**SOLUTIONS["answer_3"](), **change})

    def test_a_dict_is_asked_for(self) -> None:
        assert "give a dict" in says("12.3", "port")
        assert teaching.own_node is own_node
