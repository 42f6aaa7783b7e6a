"""Captures of real labs, read by scapy. That tshark follows them too was tried by hand, keys of TLS included."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP
from scapy.packet import Packet
from scapy.utils import PcapNgReader, RawPcapNgReader

from p2plab import Lab
from p2plab.errors import ClosedError, ConfigurationError, NotInThisWorldError, ValidationError
from p2plab.stream import NetStream
from p2plab.stream.framing.yamux import FrameCutter, parse_header

HEADERS = 14 + 20 + 20  # bytes of Ethernet's, IPv4's and TCP's


async def echo(stream: NetStream) -> None:
    while data := await stream.read():
        await stream.write(data)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab("real", seed=7) as lab:
        lab.start_node("alice")
        lab.start_node("bob").handle("/echo/1.0.0", echo)
        yield lab


def packets(path: Path) -> list[Packet]:
    with PcapNgReader(str(path)) as reader:
        return list(reader)


def comments(path: Path) -> list[str]:
    return [str(text.decode()) for packet in packets(path) for text in packet.comments or []]


def carried(path: Path, by_address: bool = False) -> dict[tuple[Any, Any], bytes]:
    """What each direction of each connection carried, put together as TCP would. Nothing may be missing or differ.
    By the ports of its ends, or their addresses and ports."""
    flows: dict[tuple[Any, Any], bytes] = {}
    for packet in packets(path):
        tcp = packet[TCP]
        ends = ((packet[IP].src, tcp.sport), (packet[IP].dst, tcp.dport)) if by_address else (tcp.sport, tcp.dport)
        got = flows.get(ends, b"")
        data = bytes(packet.original[HEADERS:])  # scapy may take it for a protocol that it knows by the port
        if data:
            assert tcp.seq == 1 + len(got)
        flows[ends] = got + data
    return flows


@pytest.mark.real
def test_a_capture_holds_every_frame_decrypted_once_between_the_real_sockets(lab: Lab, tmp_path: Path) -> None:
    with lab.capture(tmp_path / "run.pcapng") as capture:
        connection = lab["alice"].connect(lab["bob"])
        stream = lab["alice"].open_stream(lab["bob"], "/echo/1.0.0")
        stream.write(b"a secret for bob" * 10_000)
        received = 0
        while received < 160_000:
            received += len(stream.read())
    flows = carried(capture.path)
    ports = [int(address.split("/")[4]) for address in (connection.local_address, connection.remote_address)]
    assert set(flows) == {(ports[0], ports[1]), (ports[1], ports[0])}
    for flow in flows.values():
        assert flow.startswith(b"\x13/multistream/1.0.0\n\r/yamux/1.0.0\n")
        assert flow.count(b"a secret for bob") > 9_900  # but for those that a frame's end cuts
    assert stat.S_IMODE(capture.path.stat().st_mode) == 0o600
    said = comments(capture.path)
    assert "alice → bob, connection 1, 20 bytes" in said
    assert any(text.endswith("/echo/1.0.0") and "bob → alice" in text and "data stream" in text for text in said)
    assert {packet.sniffed_on for packet in packets(capture.path)} == {"alice", "bob"}


@pytest.mark.real
def test_a_capture_of_one_node_has_both_directions_and_nobody_elses(lab: Lab, tmp_path: Path) -> None:
    carol = lab.start_node("carol")
    with lab.capture(tmp_path / "run.pcapng", nodes=["alice"]) as capture:
        lab["alice"].ping(lab["bob"])
        carol.ping(lab["bob"])
    flows = carried(capture.path)
    assert len(flows) == 2
    assert {packet.sniffed_on for packet in packets(capture.path)} == {"alice"}
    assert {packet.direction for packet in packets(capture.path)} == {1, 2}


@pytest.mark.real
def test_a_capture_begun_while_frames_fly_begins_with_a_whole_one(lab: Lab, tmp_path: Path) -> None:
    lab["alice"].ping(lab["bob"])
    with lab.capture(tmp_path / "run.pcapng", nodes=["bob"]) as capture:
        lab["alice"].ping(lab["bob"])
    assert not any(packet[TCP].flags.S for packet in packets(capture.path))
    assert comments(capture.path)
    assert all("bytes" in text or "stream" in text for text in comments(capture.path))
    assert any("/ipfs/ping/1.0.0" in text for text in comments(capture.path))


@pytest.mark.real
def test_the_oldest_frames_go_when_a_bound_is_reached_and_are_counted(lab: Lab, tmp_path: Path) -> None:
    with lab.capture(tmp_path / "run.pcapng", max_frames=10) as capture:
        lab["alice"].ping(lab["bob"])
        assert capture.frames == 10
    dropped = capture.dropped
    assert dropped > 10
    assert f"{dropped} older frames".encode() in capture.path.read_bytes()
    assert len(packets(capture.path)) == 10
    small = lab.capture(tmp_path / "small.pcapng", max_bytes=100)
    lab["alice"].ping(lab["bob"])
    assert small.bytes <= 100
    assert small.stop() == small.path


@pytest.mark.real
def test_an_interrupted_with_and_a_closed_lab_leave_files_that_open(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), lab.capture(tmp_path / "interrupted.pcapng"):
        assert packets(tmp_path / "interrupted.pcapng") == []
        lab["alice"].ping(lab["bob"])
        raise KeyboardInterrupt
    assert packets(tmp_path / "interrupted.pcapng")
    left = lab.capture(tmp_path / "left.pcapng")
    assert lab.captures == [left]
    lab["alice"].ping(lab["bob"])
    lab.close()
    assert not left.running
    assert packets(left.path)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["interrupted.pcapng", "left.pcapng"]
    with pytest.raises(ClosedError):
        lab.capture(tmp_path / "late.pcapng")


@pytest.mark.real
def test_a_file_that_could_not_be_written_can_be_tried_again(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    capture = lab.capture(folder / "run.pcapng")
    lab["alice"].ping(lab["bob"])
    capture.path.unlink()
    folder.rmdir()
    with pytest.raises(ConfigurationError, match="No such file"):
        capture.stop()
    folder.mkdir()
    assert packets(capture.stop())


@pytest.mark.real
def test_stopping_from_another_thread_while_frames_come_loses_nothing_that_was_counted(
    lab: Lab, tmp_path: Path
) -> None:
    capture = lab.capture(tmp_path / "run.pcapng")
    stream = lab["alice"].open_stream(lab["bob"], "/echo/1.0.0")
    stopper = threading.Thread(target=capture.stop)
    stream.write(b"x" * 100_000)
    stopper.start()
    stream.write(b"x" * 100_000)
    stopper.join()
    held = capture.frames
    with RawPcapNgReader(str(capture.path)) as reader:
        assert sum(1 for _ in reader) >= held  # and the handshakes
    stream.write(b"x")
    assert capture.frames == held


@pytest.mark.real
def test_with_a_key_log_an_encrypted_capture_brings_its_keys(tmp_path: Path) -> None:
    keys = tmp_path / "keys.log"
    with Lab("real", seed=7, security=["tls"], key_log=keys) as lab:
        alice, bob = lab.start_nodes(2)
        with lab.capture(tmp_path / "run.pcapng", encrypted=True) as capture:
            alice.ping(bob)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    labels = {line.split()[0] for line in keys.read_text().splitlines() if not line.startswith("#")}
    assert {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"} <= labels
    written = capture.path.read_bytes()
    assert keys.read_bytes() in written
    assert b"\x0a\x00\x00\x00" in written
    there, back = carried(capture.path).values()
    assert there.startswith(b"\x13/multistream/1.0.0\n")
    assert b"\x0b/tls/1.0.0\n" in there
    assert b"/yamux/1.0.0" not in there + back  # which was encrypted


@pytest.mark.real
def test_keys_of_quic_are_logged_and_without_asking_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    monkeypatch.chdir(tmp_path)
    with Lab("real", seed=7, transports=["quic-v1"]) as lab:
        alice, bob = lab.start_nodes(2)
        alice.ping(bob)
    assert list(tmp_path.iterdir()) == []
    with Lab("real", seed=7, transports=["quic-v1"], key_log="keys.log") as lab:
        alice, bob = lab.start_nodes(2)
        alice.ping(bob)
    labels = {line.split()[0] for line in (tmp_path / "keys.log").read_text().splitlines()}
    assert "CLIENT_TRAFFIC_SECRET_0" in labels


@pytest.mark.real
def test_bad_input_is_told_and_leaves_no_capture(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        lab.capture(tmp_path / "missing" / "run.pcapng")
    with pytest.raises(ValidationError, match="max_bytes"):
        lab.capture(tmp_path / "run.pcapng", max_bytes=0)
    assert lab.captures == []
    with pytest.raises(ValidationError, match="key_log"):
        Lab("real", key_log=tmp_path / "missing" / "keys.log")


def story(lab: Lab) -> str:
    """A mock lab in which something of everything happens."""
    nodes = lab.start_nodes(5)
    lab.wire("ring")
    nodes[1].handle("/echo/1.0.0", echo)
    for node in nodes:
        node.subscribe("news")
    lab.run(3)
    nodes[0].publish("news", b"a message for all")
    lab.run(2)
    with nodes[0].open_stream(nodes[1], "/echo/1.0.0") as stream:
        stream.write(b"a secret for n1" * 3_000)
        assert stream.read()
    nodes[0].dht.put("/lab/greeting", b"what is held")
    nodes[0].disconnect(nodes[1])
    lab.run(1)
    return lab.events.digest()


def test_a_mock_lab_is_captured_as_the_bytes_that_real_nodes_would_send(tmp_path: Path) -> None:
    with Lab(seed=7) as lab, lab.capture(tmp_path / "run.pcapng") as capture:
        story(lab)
    flows = carried(tmp_path / "run.pcapng", by_address=True)
    assert len({frozenset(ends) for ends in flows}) >= 5
    everything = b"".join(flows.values())
    for said in (b"a message for all", b"a secret for n1" * 500, b"what is held", b"\x13/multistream/1.0.0\n"):
        assert said in everything
    for flow in flows.values():
        cutter = FrameCutter()
        frames = [parse_header(frame) for _, frame in cutter.feed(flow, True)]
        assert cutter.offset == len(flow)
        assert None not in frames
    said_of = comments(capture.path)
    for protocol in ("/meshsub/", "/p2plab/kad/1.0.0", "/echo/1.0.0"):
        assert any(protocol in text for text in said_of)
    assert any("FIN stream" in text for text in said_of)


def test_looking_changes_nothing_in_a_mock_lab(tmp_path: Path) -> None:
    with Lab(seed=7) as lab:
        unseen = story(lab)
    with Lab(seed=7) as lab, lab.capture(tmp_path / "run.pcapng") as capture:
        assert story(lab) == unseen
    first = capture.path.read_bytes()
    with Lab(seed=7) as lab:
        with lab.capture(tmp_path / "again.pcapng") as again:
            story(lab)
        assert again.path.read_bytes() == first
        snapshot = lab.snapshot()
    with Lab.restore(snapshot) as restored:
        assert restored.captures == []
    with Lab(seed=7) as lab, pytest.raises(NotInThisWorldError, match="encrypts nothing"):
        lab.capture(tmp_path / "none.pcapng", encrypted=True)


@pytest.mark.dear
def test_a_capture_of_one_mock_node_has_both_directions(tmp_path: Path) -> None:
    with Lab(seed=7) as lab:
        lab.start_nodes(5)
        capture = lab.capture(tmp_path / "run.pcapng", nodes=["n0"])
        story(lab)
        with Lab.restore(lab.snapshot()) as restored:
            restored.run(1)
    said = comments(capture.path)
    assert any(text.startswith("n0 → ") for text in said)
    assert any("→ n0" in text for text in said)
    assert all("n0" in text for text in said)


def test_two_captures_to_one_path_are_refused_whatever_it_is_called(tmp_path: Path) -> None:
    path, link = tmp_path / "run.pcapng", tmp_path / "link.pcapng"
    link.symlink_to(path)
    with Lab() as lab, Lab() as other:
        first = lab.capture(path)
        for one in (lab, other):
            for name in (path, link, tmp_path / "." / "run.pcapng"):
                with pytest.raises(ConfigurationError, match=r"is being recorded to .* already"):
                    one.capture(name)
        first.stop()
        other.capture(link).stop()
