"""What tshark makes of a capture, where there is one: scapy reads the same files in ``test_capture`` everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from p2plab import Lab
from p2plab.exports import DISSECTOR
from p2plab.stream import NetStream

pytestmark = [pytest.mark.real, pytest.mark.slow]


async def echo(stream: NetStream) -> None:
    await stream.write(await stream.read())


def tshark(path: Path, *options: str) -> str:
    if shutil.which("tshark") is None:
        pytest.skip("there is no tshark here")
    environment = {**os.environ, "HOME": str(path.parent)}  # nobody's own settings
    done = subprocess.run(
        ["tshark", "-r", str(path), *options], capture_output=True, text=True, timeout=120, check=True, env=environment
    )
    return done.stdout


def captured(path: Path, **settings: object) -> Path:
    encrypted = "key_log" in settings
    with Lab("real", seed=7, **settings) as lab:
        alice, bob = lab.start_node("alice"), lab.start_node("bob")
        bob.handle("/echo/1.0.0", echo)
        with lab.capture(path, encrypted=encrypted):
            stream = alice.open_stream(bob, "/echo/1.0.0")
            stream.write(b"a secret for bob")
            assert stream.read() == b"a secret for bob"
    return path


def test_tshark_follows_a_connection_and_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    path = captured(tmp_path / "run.pcapng")
    followed = tshark(path, "-q", "-z", "follow,tcp,ascii,0")
    assert followed.count("a secret for bob") == 2
    flags = "tcp.analysis.retransmission || tcp.analysis.lost_segment || tcp.analysis.out_of_order || _ws.malformed"
    assert tshark(path, "-X", f"lua_script:{DISSECTOR}", "-Y", flags) == ""
    checked = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
    assert tshark(path, *checked, "-Y", "tcp.checksum.status != 1 || ip.checksum.status != 1") == ""
    names = tshark(path, "-T", "fields", "-e", "frame.interface_name").split()
    assert set(names) == {"alice", "bob"}


def test_with_the_dissector_it_names_frames_and_protocols(tmp_path: Path) -> None:
    path = captured(tmp_path / "run.pcapng")
    script = ("-X", f"lua_script:{DISSECTOR}")
    said = tshark(path, *script, "-Y", "yamux.multistream", "-T", "fields", "-e", "yamux.multistream")
    assert {"/yamux/1.0.0", "/multistream/1.0.0", "/echo/1.0.0"} <= set(said.replace(",", "\n").split())
    unread = tshark(path, *script, "-Y", "tcp.len > 0 && !yamux", "-T", "fields", "-e", "frame.number")
    assert unread == ""
    opened = tshark(path, *script, "-Y", "yamux.flags.syn == 1", "-T", "fields", "-e", "yamux.stream").split()
    assert {"1", "2"} <= set(opened)


def test_with_the_keys_in_the_file_it_decrypts_tls(tmp_path: Path) -> None:
    path = captured(tmp_path / "run.pcapng", security=["tls"], key_log=tmp_path / "keys.log")
    (tmp_path / "keys.log").unlink()
    assert "a secret for bob" not in tshark(path, "-q", "-z", "follow,tcp,ascii,0")
    assert tshark(path, "-q", "-z", "follow,tls,ascii,0").count("a secret for bob") == 2
