"""Settings and arguments that need no lab: what is larger than usual, of another type, or contradicts itself."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.admission import Limit, Limits, Watermarks
from p2plab.errors import ConfigurationError, LabError, ValidationError
from p2plab.kademlia import DhtParams
from p2plab.runs.pools import InThisProcess


def test_a_seed_may_be_text() -> None:
    ids = []
    for seed in ("s123", "s123", "another"):
        with Lab(seed=seed) as lab:
            ids.append(lab.start_node("alice").peer_id)
    assert ids[0] == ids[1] != ids[2]
    with pytest.raises(ValidationError, match=r"a seed is a whole number or text, not 1\.5"):
        Lab(seed=1.5)  # type: ignore[arg-type]  # that is the point


def test_messages_may_be_larger_than_a_mebibyte_where_the_lab_says_so() -> None:
    data = bytes(10 << 20)
    with Lab(seed=7, max_message_size=11 << 20) as lab:
        alice, bob = lab.start_nodes(2)
        alice.connect(bob)
        news = bob.subscribe("news")
        lab.run(2)
        alice.publish("news", data)
        assert len(news.get(timeout=1000).data) == len(data)
    with Lab(seed=7) as lab:
        alice = lab.start_node("alice")
        with pytest.raises(ValidationError, match="at most 1048576 bytes"):
            alice.publish("news", data)
    with pytest.raises(ValidationError, match="from 1 to 16,777,216"):
        Lab(max_message_size=1 << 30)


def test_limits_that_keep_the_watermarks_from_being_reached_are_refused() -> None:
    limits, watermarks = Limits(node=Limit(connections=10)), Watermarks(low=50, high=100)
    with pytest.raises(ConfigurationError, match="allow 10 connections, and the high watermark is 100"):
        Lab(limits=limits, watermarks=watermarks)
    with Lab(limits=limits) as lab, pytest.raises(ConfigurationError, match="the high watermark is 100"):
        lab.start_node("alice", watermarks=watermarks)


def test_the_public_dht_takes_no_validators_of_ones_own() -> None:
    with pytest.raises(ValidationError, match="carries /pk and /ipns records only"):
        DhtParams(protocol="/ipfs/kad/1.0.0", validators={"mine": object()})  # type: ignore[dict-item]


def test_an_empty_message_id_is_refused_when_a_message_is_published() -> None:
    with Lab(seed=7, message_id=lambda publication: b"") as lab:
        alice = lab.start_node("alice")
        with pytest.raises(ValidationError, match=r"gave no id \(at least one byte\)"):
            alice.publish("news", b"x")
        (error,) = lab.events.filter(kind="error")
        assert "message_id gave b''" in str(error.data)


def test_a_path_with_a_null_character_is_said_to_be_none(tmp_path: Path) -> None:
    with Lab(seed=7) as lab:
        for save in (lab.events.save, lab.snapshot().save):
            with pytest.raises(LabError, match="has no null character in it, and"):
                save(f"{tmp_path}/a\0b.jsonl")


def test_a_number_of_seeds_is_told_the_range() -> None:
    with pytest.raises(ValidationError, match=r"not 4; range\(4\) is that many"):
        p2plab.sweep(lambda lab: 1, seeds=4, executor=InThisProcess())  # type: ignore[arg-type]


def test_a_client_of_dask_s_is_an_executor() -> None:
    class Client:
        def get_executor(self) -> Executor:
            return InThisProcess()

    table = p2plab.sweep(lambda lab: lab.seed, seeds=range(2), executor=Client(), progress=False)  # type: ignore[arg-type]
    assert [run.values for run in table] == [{"value": 0}, {"value": 1}]


@pytest.mark.parametrize("protocol", ["/chat/1.x+b", "/chat/^1.2.x.y", "/chat/1.0.0 -- 2.0.0 - 3"])
def test_what_is_meant_as_a_range_of_versions_and_is_none_is_refused(protocol: str) -> None:
    async def answer(stream: Any) -> None:
        raise AssertionError

    with Lab(seed=7) as lab:
        alice = lab.start_node("alice")
        with pytest.raises(ValidationError, match="is neither a version nor a range of versions"):
            alice.handle(protocol, answer)


@pytest.mark.parametrize("versions", ["1.2.0-2.0.0", "1.2.0 -2.0.0", "1.2- 2.0"])
def test_a_range_whose_hyphen_lacks_a_space_is_told_how_it_is_written(versions: str) -> None:
    async def answer(stream: Any) -> None:
        raise AssertionError

    with Lab(seed=7) as lab:
        alice = lab.start_node("alice")
        with pytest.raises(ValidationError, match=r"a space on each side, '1\.2\S* - 2\.0\S*'"):
            alice.handle(f"/chat/{versions}", answer)


@pytest.mark.parametrize("versions", ["1.2.0 - 2.0.0", ">=1.0.0+build"])
def test_ranges_with_hyphens_and_build_data_are_ranges(versions: str) -> None:
    async def answer(stream: Any) -> None:
        await stream.write(b"answered")

    with Lab(seed=7) as lab:
        alice, bob = lab.start_nodes(2)
        bob.handle(f"/chat/{versions}", answer)
        stream = alice.open_stream(bob, "/chat/1.5.0")
        assert (stream.protocol, stream.read()) == ("/chat/1.5.0", b"answered")
