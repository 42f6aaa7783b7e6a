"""``execute_command``: the envelope, the names that other libraries use, and that it never raises."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import p2plab
from p2plab import AsyncLab, AsyncNode, Lab
from p2plab.commands import TABLE, command, finished
from p2plab.commands.arguments import TopicName
from p2plab.commands.plain import bytes_of
from p2plab.errors import ConfigurationError
from p2plab.identity.cid import cid_of
from tests.unit.commands.conftest import succeed

NOBODY = "12D3KooWGRUfvqMAzYbVY2DBjTZyb7Tk6r8sQk5xzKDkA1nHkaVZ"


@pytest.fixture
def own_commands() -> Iterator[None]:
    """What a test puts into the table is taken out again."""
    before = dict(TABLE)
    yield
    TABLE.clear()
    TABLE.update(before)


# -- the envelope


def test_the_envelope_of_a_success(lab: Lab) -> None:
    before = time.time()
    envelope = lab.execute_command("libp2p_get_node_id", node="bob")
    assert list(envelope) == ["success", "command", "timestamp", "time", "result"]
    assert envelope["success"] is True
    assert envelope["command"] == "libp2p_get_node_id"
    assert before <= envelope["timestamp"] <= time.time()
    assert envelope["time"] == pytest.approx(lab.now, abs=60)
    assert envelope["result"] == {"node_id": str(lab["bob"].peer_id)}
    assert type(envelope["result"]["node_id"]) is str


def test_the_envelope_of_a_failure(lab: Lab) -> None:
    envelope = lab.execute_command("connect", node="alice", peer="nobody")
    assert list(envelope) == ["success", "command", "timestamp", "time", "error", "error_type"]
    assert envelope["success"] is False
    assert envelope["error_type"] == "UnknownNodeError"
    assert "'nobody'" in envelope["error"]


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("conect", {}, "no command 'conect'; did you mean connect"),
        ("connect", {}, "connect: peer is missing: a node's name, a peer id or a multiaddr"),
        ("connect", {"peer": ""}, "connect: peer='' is refused"),
        ("connect", {"peer": 5}, "connect: peer=5 is refused (Input should be a valid string)"),
        ("connect", {"peer": "bob", "timeout": -1}, "timeout=-1 is refused (Input should be greater than or equal"),
        ("connect", {"peer": "bob", "timeout": math.nan}, "timeout=nan is refused"),
        ("connect", {"peer": "bob", "timeout": True}, "timeout=True is refused (it is true or false, and a number"),
        ("connect", {"peer": "bob", "timout": 5}, "no argument 'timout', did you mean timeout? (it takes node, peer"),
        ("publish", {"topic": "news", "message": 5}, "message=5 is refused (it must be text, bytes, or"),
        ("publish", {"topic": "n" * 1025, "message": ""}, "topic='nnnn"),
        ("wire", {"shape": "moebius"}, "shape='moebius' is refused (Input should be 'ring', 'line', 'star', 'full'"),
        ("wire", {"degree": 2.5}, "degree=2.5 is refused"),
        ("network_partition", {"groups": 3}, "groups=3 is refused"),
        ("NODES", {}, "no command 'NODES'; did you mean nodes"),
        ("restart", {"state": "gone"}, "state='gone' is refused (Input should be 'kept' or 'lost')"),
        (
            "publish",
            {"node": 7, "topic": "a", "message": "b"},
            "node=7 is refused; it takes a node's name, or the Node",
        ),
    ],
)
def test_an_argument_that_is_refused_is_named_with_its_value_and_what_is_allowed(
    lab: Lab, name: str, arguments: dict[str, Any], error: str
) -> None:
    before = len(lab.events.filter(kind="lab.command"))
    envelope = lab.execute_command(name, **arguments)
    assert envelope["success"] is False
    assert error in envelope["error"]
    assert envelope["error_type"] == "ValidationError"
    assert len(lab.events.filter(kind="lab.command")) == before, "it did something all the same"


def test_several_wrong_arguments_are_all_named(lab: Lab) -> None:
    error = lab.execute_command("ping", timeout=-1, colour="red")["error"]
    assert "peer is missing" in error
    assert "timeout=-1" in error
    assert "'colour'" in error


def test_text_as_a_shell_gives_it_is_understood(lab: Lab) -> None:
    assert lab.execute_command("ping", node="alice", peer="bob", timeout="20s")["success"]
    assert succeed(lab, "run 100ms")["now"] == pytest.approx(lab.now, abs=5)
    result = lab.execute_command("publish", topic="news", message={"base64": "aGk="})["result"]
    assert result["message_size"] == 2


def test_nodes_may_be_given_as_objects_of_this_lab(lab: Lab, new_lab: Callable[..., Lab]) -> None:
    alice, bob = lab["alice"], lab["bob"]
    assert lab.execute_command("ping", node=alice, peer=bob)["success"]
    assert lab.execute_command("wire", shape="line", nodes=[alice, "bob"])["success"]
    stranger = new_lab().start_node("bob")
    for arguments in ({"node": stranger, "peer": "bob"}, {"node": "alice", "peer": stranger}):
        assert "of another lab" in lab.execute_command("ping", **arguments)["error"]


def test_left_out_the_node_is_the_first_started_where_there_is_none(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab()
    first = lab.execute_command("libp2p_get_node_id")["result"]["node_id"]
    assert [node.peer_id for node in lab.nodes] == [first]
    lab.start_node("another")
    assert lab.execute_command("libp2p_get_node_id")["result"]["node_id"] == first


def test_a_closed_lab_answers_that_it_is_closed(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab()
    lab.start_node("alice")
    lab.close()
    envelope = lab.execute_command("libp2p_publish", topic="news", message="hi")
    assert (envelope["success"], envelope["error_type"]) == (False, "ClosedError")


# -- the names that other libraries have, with exactly their arguments and results


def test_the_names_shared_with_other_libraries_keep_their_arguments_and_results(lab: Lab) -> None:
    alice, bob, carol = lab["alice"], lab["bob"], lab["carol"]
    cid = cid_of(b"shared")

    def result(name: str, **arguments: Any) -> Any:
        envelope = lab.execute_command(name, **arguments)
        assert envelope["success"], envelope
        return envelope["result"]

    assert result("libp2p_get_node_id") == {"node_id": alice.peer_id}
    alice.disconnect(bob)
    assert result("libp2p_connect_peer", peer_addr=bob.addresses[0]) == {"connected": True, "peer_id": bob.peer_id}
    assert bob.peer_id in [peer.peer_id for peer in alice.peers()]
    peers = result("libp2p_get_peers")["peers"]
    assert {peer["id"]: peer["addrs"] for peer in peers} == {
        bob.peer_id: bob.addresses,
        carol.peer_id: carol.addresses,
    }
    assert all(list(peer) == ["id", "addrs"] for peer in peers)
    assert result("libp2p_subscribe", node="bob", topic="news") == {"subscribed": True, "topic": "news"}
    assert bob.topics() == ["news"]
    sent = result("libp2p_publish", topic="news", message="hällo")
    assert sent == {"published": True, "topic": "news", "message_size": 6}
    assert result("libp2p_announce_content", cid=cid) == {"announced": True, "cid": cid}
    assert [peer.name for peer in carol.dht.find_providers(cid).providers] == ["alice"]
    known = result("list_known_peers")
    assert list(known) == ["peers", "count"]
    assert known["count"] == len(known["peers"]) >= 2
    address = f"/ip4/127.0.0.1/tcp/1/p2p/{NOBODY}"
    assert result("register_node", node_id=NOBODY, addrs=[address]) == {"node_id": NOBODY, "registered": True}
    assert NOBODY in [peer["id"] for peer in result("list_known_peers")["peers"]]


# -- subscriptions and streams that commands hold


def test_an_empty_answer_about_a_name_that_there_is_not_says_so(lab: Lab) -> None:
    succeed(lab, "subscribe bob news")
    told = succeed(lab, "mesh alice nes")
    assert told["peers"] == []
    assert "no node subscribes to 'nes'; did you mean news?" in told["note"]
    assert "note" not in succeed(lab, "mesh alice news")


def test_messages_and_next_message_show_what_a_subscription_received(lab: Lab) -> None:
    succeed(lab, "subscribe bob news")
    succeed(lab, "subscribe bob news")
    assert lab.run_until(lambda: lab["alice"].topic_peers("news"), timeout=20)
    succeed(lab, "publish alice news one")
    got = succeed(lab, "next_message bob news timeout=20s")
    assert (got["data"], got["sender"]) == ({"base64": "b25l"}, "alice")
    listed = succeed(lab, "messages bob news")
    assert (listed["count"], listed["messages"]) == (1, [got])
    assert succeed(lab, "unsubscribe bob news") == {"unsubscribed": True, "topic": "news"}
    assert lab["bob"].topics() == []
    assert succeed(lab, "unsubscribe bob news") == {"unsubscribed": False, "topic": "news"}
    assert "no command has subscribed bob" in lab.execute_command("messages", node="bob", topic="news")["error"]


def test_waiting_for_a_message_that_does_not_come_ends_in_a_timeout(lab: Lab) -> None:
    succeed(lab, "subscribe bob news")
    envelope = lab.execute_command("next_message", node="bob", topic="news", timeout=0.05)
    assert envelope["error_type"] == "TimeoutError"


def test_streams_are_written_read_and_closed_by_their_numbers(lab: Lab) -> None:
    succeed(lab, "serve bob /echo/1.0.0")
    stream = succeed(lab, "open_stream alice bob /echo/1.0.0")["stream"]
    assert lab.execute_command("stream_write", node="alice", data=b"\xff\x00", stream=stream)["result"]["written"] == 2
    assert succeed(lab, f"stream_read alice stream={stream}")["data"] == {"base64": "/wA="}
    assert succeed(lab, f"stream_close alice stream={stream}") == {"stream": stream, "closed": True}
    assert f"no open stream {stream}" in lab.execute_command("stream_read", node="alice", stream=stream)["error"]
    assert "no stream open" in lab.execute_command("stream_read", node="alice")["error"]


def test_without_a_number_the_last_stream_that_a_command_opened_is_meant(lab: Lab) -> None:
    succeed(lab, "serve bob /echo/1.0.0")
    first = succeed(lab, "open_stream alice bob /echo/1.0.0")["stream"]
    second = succeed(lab, "open_stream alice bob /echo/1.0.0")["stream"]
    lab["alice"].open_stream("bob", "/echo/1.0.0")  # as a node's own protocols do
    assert succeed(lab, "stream_write alice hi")["stream"] == second
    succeed(lab, "stream_close alice")
    assert succeed(lab, "stream_write alice hi")["stream"] == first


def test_streams_of_two_connections_have_two_names(lab: Lab) -> None:
    for name in ("bob", "carol"):
        succeed(lab, f"serve {name} /{name}/1.0.0")
        succeed(lab, f"open_stream alice {name} /{name}/1.0.0")
    listed = succeed(lab, "streams alice")["streams"]
    named = {row["stream"]: row["protocol"] for row in listed if row["protocol"] in ("/bob/1.0.0", "/carol/1.0.0")}
    assert sorted(named.values()) == ["/bob/1.0.0", "/carol/1.0.0"]
    for stream in named:
        text = f"via {stream}"
        succeed(lab, f"stream_write alice '{text}' stream={stream}")
        assert bytes_of(succeed(lab, f"stream_read alice stream={stream}")["data"]) == text.encode()


def test_a_read_that_nobody_answers_ends_after_its_time_and_loses_nothing(lab: Lab) -> None:
    succeed(lab, "serve bob /echo/1.0.0")
    succeed(lab, "open_stream alice bob /echo/1.0.0")
    began = lab.now
    envelope = lab.execute_command("stream_read", node="alice", timeout="200ms")
    assert (envelope["success"], envelope["error_type"]) == (False, "StreamError")
    assert lab.now > began + 0.199
    succeed(lab, "stream_write alice late")
    assert succeed(lab, "stream_read alice timeout=20s")["data"] == {"base64": "bGF0ZQ=="}


# -- the other faces


def test_a_node_executes_its_own_commands(lab: Lab) -> None:
    alice = lab["alice"]
    assert alice.execute_command("libp2p_get_node_id")["result"] == {"node_id": alice.peer_id}
    assert alice.execute_command("ping", peer="bob")["success"]
    assert alice.execute_command("ping", node="alice", peer="bob")["success"]
    assert "ask that node itself" in alice.execute_command("ping", node="bob", peer="carol")["error"]
    assert "is a command of the lab" in alice.execute_command("nodes")["error"]


def test_an_async_lab_is_awaited(backend: str) -> None:
    async def main() -> None:
        async with AsyncLab(backend, seed=7) as lab:
            for name in ("alice", "bob"):
                assert (await lab.execute_command("start_node", name=name))["success"]
            assert (await lab.execute_command("connect", peer="bob"))["result"]["peer"] == "bob"
            assert (await lab["bob"].execute_command("ping", peer="alice"))["success"]
            assert (await lab.execute_command("serve", node="bob", protocol="/echo/1.0.0"))["success"]
            assert (await lab.execute_command("open_stream", peer="bob", protocols="/echo/1.0.0"))["success"]
            assert (await lab.execute_command("stream_write", data="hi"))["success"]
            assert (await lab.execute_command("stream_read"))["result"]["data"] == {"base64": "aGk="}
            assert (await lab.execute_command("conect"))["success"] is False
            assert (await lab.execute_command("lab_info"))["result"]["nodes"] == 2

    asyncio.run(main())


def test_inside_a_mock_lab_the_awaited_face_works_and_the_blocking_one_says_why_not() -> None:
    with Lab(seed=7) as lab:
        lab.start_node("alice")
        lab.start_node("bob")
        answers: list[dict[str, Any]] = []

        async def act() -> None:
            answers.append(await lab.aio.execute_command("connect", node="alice", peer="bob"))
            answers.append(lab.execute_command("ping", node="alice", peer="bob"))

        lab.at(1.0, act)
        lab.run(2)
        assert [answer["success"] for answer in answers] == [True, False]
        assert answers[1]["error_type"] == "InsideLabError"
        assert lab.edges() == [("alice", "bob")]


def test_the_default_lab_is_made_on_first_use_and_again_after_it_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    from p2plab.api import default

    monkeypatch.setattr(default, "_lab", None)
    first = p2plab.execute_command("libp2p_get_node_id")
    lab = p2plab.default_lab()
    try:
        assert first["success"], first
        assert lab.backend == ("real" if p2plab.HAS_LIBP2P else "mock")
        assert [node.peer_id for node in lab.nodes] == [first["result"]["node_id"]]
    finally:
        lab.close()
    again = p2plab.default_lab()
    again.close()
    assert again is not lab


def test_a_default_lab_that_cannot_be_made_is_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from p2plab.api import default

    def refuse() -> Lab:
        raise RuntimeError("no sockets here")

    monkeypatch.setattr(default, "default_lab", refuse)
    envelope = p2plab.execute_command("nodes")
    assert envelope["success"] is False
    assert (envelope["error_type"], envelope["error"]) == ("RuntimeError", "no sockets here")


# -- commands of one's own


@pytest.mark.usefixtures("own_commands")
class TestOwnCommands:
    def test_one_decorator_registers_a_command(self, lab: Lab) -> None:
        @command
        def shout(node: AsyncNode, topic: TopicName, message: str = "hello") -> dict[str, Any]:
            """Publish in capitals."""
            return {"size": len(node.publish(topic, message.upper()).data), "raw": b"\x00"}

        assert lab.execute_command("shout", topic="news")["result"] == {"size": 5, "raw": {"base64": "AA=="}}
        assert lab["bob"].execute_command("libp2p_shout", topic="news", message="ho")["result"]["size"] == 2
        assert "topic=''" in lab.execute_command("shout", topic="")["error"]
        assert TABLE["shout"].summary == "Publish in capitals."
        assert TABLE["shout"].group == "your own"

    def test_an_async_one_works_on_both_faces(self) -> None:
        @command("there_and_back")
        async def measured(node: AsyncNode, peer: str) -> float:
            return await finished(node.ping(peer))

        with Lab(seed=7) as lab:
            lab.start_node("alice")
            lab.start_node("bob")
            assert lab.execute_command("there_and_back", peer="bob")["result"] == pytest.approx(0.04)

            async def main() -> Any:
                return await lab.aio.execute_command("there_and_back", peer="bob")

            assert asyncio.run(main())["result"] == pytest.approx(0.04)

    @pytest.mark.parametrize(
        ("returned", "error"),
        [(object(), "not object"), ({1j: 2}, "the keys of a result are text"), (range, "not type"), ([[]] * 2, "")],
    )
    def test_what_is_no_plain_json_is_an_error_of_the_command(self, returned: object, error: str) -> None:
        @command("give")
        def give(lab: Lab) -> object:
            return returned

        with Lab(seed=7) as lab:
            envelope = lab.execute_command("give")
        assert envelope["success"] is not bool(error)
        assert error in envelope.get("error", "")

    def test_a_result_that_contains_itself_is_an_error(self) -> None:
        @command("loop")
        def loop(lab: Lab) -> object:
            found: list[Any] = []
            found.append(found)
            return found

        with Lab(seed=7) as lab:
            assert "contains itself" in lab.execute_command("loop")["error"]

    def test_an_error_whose_text_raises_is_told_by_its_type(self) -> None:
        class BadError(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no text")

        @command("bad")
        def bad(lab: Lab) -> None:
            raise BadError

        with Lab(seed=7) as lab:
            assert lab.execute_command("bad")["error"] == "BadError"

    def test_one_that_waits_for_something_else_is_told_so(self) -> None:
        @command("nap")
        async def nap(lab: Lab) -> None:
            await asyncio.sleep(0)

        with Lab(seed=7) as lab:
            envelope = lab.execute_command("nap")
        assert (envelope["error_type"], "AsyncLab" in envelope["error"]) == ("InsideLabError", True)

    def test_it_may_be_registered_again_but_not_in_place_of_p2plab_s(self) -> None:
        @command("mine")
        def first(lab: Lab) -> int:
            return 1

        @command("mine")
        def second(lab: Lab) -> int:
            return 2

        assert TABLE["mine"].function is second
        with pytest.raises(ConfigurationError, match="has a command 'connect' already"):

            @command("connect")
            def connect(lab: Lab) -> None: ...

    def test_a_first_argument_that_is_neither_node_nor_lab_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="'node' or 'lab', and that of odd is 'this'"):

            @command
            def odd(this: Lab) -> None: ...

        with pytest.raises(ConfigurationError, match="takes named arguments"):

            @command
            def many(lab: Lab, *names: str) -> None: ...


def test_results_are_json_down_to_the_last_number(lab: Lab) -> None:
    envelope = lab.execute_command("scores", node="alice")
    assert json.loads(json.dumps(envelope, allow_nan=False)) == envelope


def test_a_long_list_of_wrong_items_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from p2plab.commands import checking

    seen: list[object] = []

    def shown(value: object) -> str:
        seen.append(value)
        return "[…]"

    monkeypatch.setattr(checking, "shown", shown)
    with Lab() as lab:
        answer = lab.execute_command("capture", path="x.pcapng", nodes=list(range(2_000)))
    assert not answer["success"]
    assert "nodes=[…] is refused" in answer["error"]
    assert len(seen) == 1
