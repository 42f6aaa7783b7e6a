"""Other tools' traces: what they hold is there, what they lack is said, and what is damaged is told."""

from __future__ import annotations

import base64
import gzip
import json
import random
import warnings
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import LogView
from p2plab.errors import EventLogError, LabError
from p2plab.exports.trace_proto import PAYLOADS, TRACE, TYPES
from p2plab.identity.varint import encode_varint

# Made by go-libp2p-pubsub 0.19.0's own tracers, of five go-libp2p hosts: three publications, of which one was rejected
# by one host's validator, and a host that was closed.
TRACES = Path(__file__).parents[3] / "fixtures" / "traces"
PB, JSON = TRACES / "go-pubsub-0.19.pb.gz", TRACES / "go-pubsub-0.19.json.gz"


class TestTracesOfGo:
    def test_what_go_traced_is_there(self) -> None:
        view = p2plab.open(PB)
        assert isinstance(view, LogView)
        counts = dict(view.events.counts)
        assert len(view.state().nodes) == 5
        assert (counts["pubsub.publish"], counts["pubsub.deliver"], counts["pubsub.reject"]) == (3, 14, 1)
        assert (counts["connection.opened"], counts["connection.closed"], counts["pubsub.graft"]) == (20, 8, 20)
        (rejected,) = view.events.filter(kind="pubsub.reject")
        assert (rejected.topic, rejected.reason) == ("news", "validator said reject")

    def test_propagation_why_and_state_work_on_it(self) -> None:
        view = p2plab.open(PB)
        published = view.events.filter(kind="pubsub.publish")[0]
        spread = view.propagation(published.ref)
        assert (spread.publisher, spread.reached, len(spread), spread.duplicates) == (published.node, 1.0, 5, 12)
        last = spread.deliveries[-1].node
        assert [event.kind for event in view.why(published.ref, node=last)][-2:] == ["pubsub.receive", "pubsub.deliver"]
        before_the_close = view.state(at=published.t)
        assert len(before_the_close.edges) == 10
        assert len(view.state().edges) == 6
        assert all(len(peers) == 4 for peers in before_the_close.meshes["news"].values())

    def test_protobuf_and_json_of_one_run_are_the_same_log(self) -> None:
        assert p2plab.open(PB).events.digest() == p2plab.open(JSON).events.digest()

    def test_it_says_what_the_format_lacks(self) -> None:
        said = " ".join(p2plab.open(PB).events.assumptions)
        assert "no causes" in said
        assert "no sizes" in said
        assert "who dialled is not told" in said

    def test_a_moment_can_be_asked_for(self) -> None:
        view = p2plab.open(PB, until=1.5)
        assert view.cursor.time == 1.5

    def test_the_pictures_draw_it(self) -> None:
        view = p2plab.open(PB)
        assert "5 nodes" in repr(view.graph())
        assert "<svg" in view.timeline().svg(None)


PEERS = [b"\x00\x24" + bytes([n]) * 36 for n in range(3)]


def old_generation(path: Path, as_json: bool) -> Path:
    """A trace as the first generation has it: several topics, and neither topic nor sender of what arrived."""
    events: list[dict[str, Any]] = []

    def event(at: int, kind: str, peer: int, **payload: Any) -> None:
        events.append({"type": TYPES.index(kind), "peerID": PEERS[peer], "timestamp": at, kind: payload})

    for peer in range(3):
        event(peer, "JOIN", peer, topic="news")
    event(5, "ADD_PEER", 0, peerID=PEERS[1], proto="/meshsub/1.0.0")
    event(10, "PUBLISH_MESSAGE", 0, messageID=b"\x01\x02", topics=["news", "more"])
    event(20, "RECV_RPC", 1, receivedFrom=PEERS[0], meta={"messages": [{"messageID": b"\x01\x02", "topics": ["news"]}]})
    event(21, "DELIVER_MESSAGE", 1, messageID=b"\x01\x02")
    event(30, "RECV_RPC", 2, receivedFrom=PEERS[1], meta={"messages": [{"messageID": b"\x01\x02", "topics": ["news"]}]})
    event(31, "REJECT_MESSAGE", 2, messageID=b"\x01\x02", receivedFrom=PEERS[1], reason="validation ignored")
    event(40, "DUPLICATE_MESSAGE", 1, messageID=b"\x01\x02", receivedFrom=PEERS[2])
    event(50, "LEAVE", 2, topic="news")
    payloads = dict(zip(TYPES, PAYLOADS, strict=True))
    if as_json:

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {payloads.get(key, key): plain(inner) for key, inner in value.items()}
            if isinstance(value, list):
                return [plain(inner) for inner in value]
            return base64.b64encode(value).decode() if isinstance(value, bytes) else value

        path.write_text("".join(json.dumps(plain(one)) + "\n" for one in events))
        return path

    def filled(message: Any, said: dict[str, Any]) -> Any:
        for key, value in said.items():
            name = {"topics": "topic"}.get(key, payloads.get(key, key))
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    into = getattr(message, name)
                    filled(into.add() if isinstance(value, list) else into, one)
                elif isinstance(value, list):
                    getattr(message, name).append(one.encode())
                else:
                    setattr(message, name, one.encode() if isinstance(one, str) else one)
        return message

    with path.open("wb") as file:
        for one in events:
            data = filled(TRACE["TraceEvent"](), one).SerializeToString()
            file.write(encode_varint(len(data)) + data)
    return path


@pytest.mark.parametrize("as_json", [False, True])
def test_the_older_generation_is_read_too(tmp_path: Path, as_json: bool) -> None:
    view = p2plab.open(old_generation(tmp_path / "trace", as_json))
    (published,) = view.events.filter(kind="pubsub.publish")
    spread = view.propagation(published.ref)
    a, b, c = (str(event.node) for event in view.events.filter(kind="node.started"))
    assert [(one.node, one.received_from, one.hops) for one in spread] == [(b, a, 1)]
    assert [event.peer for event in view.events.filter(kind="pubsub.receive", node=b)] == [a]
    assert spread.missing == (c,)
    (ignored,) = view.events.filter(kind="pubsub.ignore")
    assert (ignored.node, ignored.topic, ignored.reason) == (c, "news", "validator said ignore")
    assert "Deliveries do not say from whom" in " ".join(view.events.assumptions)
    assert view.state().subscriptions["news"] == [a, b]


class TestDamage:
    def test_a_trace_that_is_cut_gives_what_there_is_and_says_so(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.pb"
        path.write_bytes(gzip.decompress(PB.read_bytes())[:-10])
        with pytest.warns(UserWarning, match="stops short: record .* is cut"):
            view = p2plab.open(path)
        assert len(view.events) > 200
        path.write_bytes(PB.read_bytes()[:-400])
        with pytest.warns(UserWarning, match="compressed data ends"):
            assert len(p2plab.open(path).events) > 50

    def test_what_is_of_no_kind_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        for data in (b"", b"hello", b"\xff" * 100, b'{"a": 1}\n', b"PAR1 no table", b"\x04\x08\x00\x12\x00"):
            path.write_bytes(data)
            with pytest.raises(EventLogError):
                p2plab.open(path)
        (tmp_path / "empty").mkdir()
        with pytest.raises(EventLogError, match="no kind"):
            p2plab.open(tmp_path / "empty")

    @pytest.mark.dear
    @pytest.mark.parametrize("source", [PB, JSON])
    def test_mutations_give_a_log_or_an_error_of_ours(self, tmp_path: Path, source: Path) -> None:
        whole, draws, path = gzip.decompress(source.read_bytes())[:6000], random.Random(3), tmp_path / "mutated"
        opened = 0
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(draws.randrange(1, 5)):
                data[draws.randrange(len(data))] = draws.randrange(256)
            path.write_bytes(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    view = p2plab.open(path)
                except LabError:
                    continue
            opened += 1
            assert view.events.digest()
            assert view.state() is not None
        assert opened > 100


def interop(folder: Path) -> Path:
    """Logs of four nodes in a line, as gossipsub-interop's programs write them under Shadow."""
    for node in range(4):
        lines: list[Any] = [
            {"time": "2000-01-01T00:00:00Z", "level": "INFO", "msg": "PeerID", "id": f"12D3Koo{node}", "node_id": node}
        ]
        received = {"level": "INFO", "msg": "Received Message", "service": "gossipsub", "id": "7", "topic": "foobar"}
        if node:
            lines.append({**received, "time": f"2000-01-01T00:02:00.0{node}0123456Z", "from": f"12D3Koo{node - 1}"})
        if node == 2:
            lines.append({**received, "time": "2000-01-01T01:02:00.2+01:00", "from": "12D3Koo3"})
        path = folder / "hosts" / f"node{node}"
        path.mkdir(parents=True)
        (path / "gossipsub-bin.1000.stdout").write_text("booting\n" + "\n".join(map(json.dumps, lines)) + "\n")
    return folder


def test_logs_of_gossipsub_interop(tmp_path: Path) -> None:
    view = p2plab.open(interop(tmp_path))
    spread = view.propagation("7")
    assert [(one.node, round(one.after, 6), one.received_from, one.hops) for one in spread] == [
        ("node1", 0.0, "node0", 1),
        ("node2", 0.01, "node1", 2),
        ("node3", 0.02, "node2", 3),
    ]
    assert (spread.publisher, spread.duplicates) == ("node0", 1)
    assert view.why("7", node="node3")[-1].kind == "pubsub.deliver"
    assert any("first receipt is taken for its delivery" in said for said in view.events.assumptions)
    assert not any("could not be read" in said for said in view.events.assumptions)
    file = tmp_path / "hosts" / "node2" / "gossipsub-bin.1000.stdout"
    one = p2plab.open(file)
    assert one.events.counts["pubsub.duplicate"] == 1
    file.write_text(file.read_text() + '{"time":"2000-01-01T00:02:00Z","ms\n{"time":"soon","msg":"Sent Message"}\n')
    assert any(said.startswith("2 lines that should be JSON") for said in p2plab.open(file).events.assumptions)


class TestTables:
    def write(self, path: Path, columns: dict[str, list[Any]]) -> Path:
        import pyarrow
        import pyarrow.parquet

        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
        return path

    def test_hermes(self, tmp_path: Path) -> None:
        topic = "/eth2/ad532ceb/beacon_block/ssz_snappy"
        base: dict[str, list[Any]] = {
            "timestamp": [1_700_000_000_000 + n for n in range(3)],
            "producer_id": ["16Uiu2A"] * 3,
        }
        self.write(
            tmp_path / "msg_arrival.parquet",
            {
                **base,
                "type": ["msg_arrival"] * 3,
                "sub_type": ["validate_msg", "deliver_msg", "duplicated_msg"],
                "remote_peer_id": ["16Uiu2B", "16Uiu2B", "16Uiu2C"],
                "topic": [topic] * 3,
                "msg_id": ["aa"] * 3,
                "local": [False] * 3,
                "msg_size": [100] * 3,
                "seq_no": [""] * 3,
            },
        )
        self.write(
            tmp_path / "graft_prune.parquet",
            {
                **base,
                "type": ["graft_prune"] * 3,
                "sub_type": ["graft", "graft", "prune"],
                "remote_peer_id": ["16Uiu2B", "16Uiu2C", "16Uiu2B"],
                "topic": [topic] * 3,
            },
        )
        self.write(
            tmp_path / "control_rpc.parquet",
            {
                **base,
                "type": ["control_rpc"] * 3,
                "is_og": [False] * 3,
                "direction": ["in", "out", "drop"],
                "remote_peer_id": ["16Uiu2B"] * 3,
                "ihaves": [2, 0, 0],
                "iwants": [0, 1, 0],
                "idontwants": [0, 0, 0],
                "sent_msgs": [0, 1, 1],
            },
        )
        view = p2plab.open(tmp_path)
        assert view.state().meshes[topic] == {"16Uiu2A": ["16Uiu2C"]}
        (delivery,) = view.propagation("aa")
        assert (delivery.node, delivery.received_from, delivery.duplicates) == ("16Uiu2A", "16Uiu2B", 1)
        (received,) = view.events.filter(kind="pubsub.rpc_received")
        assert received.data == {"ihave": 2}
        assert any("one node of its own" in said for said in view.events.assumptions)

    def test_xatu(self, tmp_path: Path) -> None:
        def rows(**more: list[Any]) -> dict[str, list[Any]]:
            import datetime

            moment = datetime.datetime(2024, 5, 1, tzinfo=datetime.timezone.utc)
            return {
                "event_date_time": [moment, moment + datetime.timedelta(milliseconds=250)],
                "topic_layer": ["eth2"] * 2,
                "topic_fork_digest_value": ["6a95a1a9"] * 2,
                "topic_name": ["beacon_attestation_7"] * 2,
                "topic_encoding": ["ssz_snappy"] * 2,
                "peer_id_unique_key": [-5, 9_007_199_254_740_993],
                "meta_client_name": ["hermes-1"] * 2,
                "meta_network_name": ["mainnet"] * 2,
                **more,
            }

        about: dict[str, list[Any]] = {"message_id": ["m1", "m1"], "message_size": [246, 246]}
        self.write(tmp_path / "libp2p_deliver_message" / "5.parquet", rows(**about))
        self.write(tmp_path / "libp2p_graft" / "5.parquet", rows())
        view = p2plab.open(tmp_path)
        topic = "/eth2/6a95a1a9/beacon_attestation_7/ssz_snappy"
        assert view.state().meshes[topic] == {"hermes-1": ["peer#-5", "peer#9007199254740993"]}
        assert [event.size for event in view.events.filter(kind="pubsub.deliver")] == [246, 246]
        assert [event.t for event in view.events.filter(kind="pubsub.deliver")] == [0.0, 0.25]
        assert any("counts are no rates" in said for said in view.events.assumptions)

    def test_a_table_that_is_neither_is_told_with_its_columns(self, tmp_path: Path) -> None:
        with pytest.raises(EventLogError, match=r"no table of Hermes .* it has the columns color"):
            p2plab.open(self.write(tmp_path / "x.parquet", {"color": ["red"]}))
        about: dict[str, list[Any]] = {"event_date_time": [1], "meta_client_name": ["x"]}
        with pytest.raises(EventLogError, match=r"which table of Xatu x\.parquet is"):
            p2plab.open(self.write(tmp_path / "x.parquet", about))


def test_the_command_line_says_what_a_trace_is_and_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    from p2plab.cli import main

    assert main(["open", str(PB)]) == 0
    told = capsys.readouterr().out
    assert "a trace of go-libp2p-pubsub" in told
    assert "(The trace has no sizes of messages.)" in told


def test_more_events_than_are_kept_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from p2plab.exports.readers import pubsub_trace
    from p2plab.exports.readers.building import LogBuilder

    monkeypatch.setattr(pubsub_trace, "LogBuilder", lambda: LogBuilder(100))
    view = p2plab.open(PB)
    assert 100 <= len(view.events) <= 105
    assert "Only the first 100 events were read: p2plab keeps no more." in view.events.assumptions
