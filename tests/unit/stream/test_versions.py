"""Versions: ranges where a protocol is registered or asked for, plain ids on the wire."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.errors import ValidationError
from p2plab.stream.negotiation.multistream import Listener, Proposer
from p2plab.stream.negotiation.versions import MAX_PROPOSALS, is_range, match, proposals, split_version

versions = st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 3)).map(lambda v: f"{v[0]}.{v[1]}.{v[2]}")


@pytest.mark.parametrize(
    ("protocol", "name", "version", "ranged"),
    [
        ("/chat/1.2.3", "/chat", "1.2.3", False),
        ("/chat/1.2.3-rc.1", "/chat", "1.2.3-rc.1", False),
        ("/ipfs/id/push/1.0.0", "/ipfs/id/push", "1.0.0", False),
        ("/chat/1.2.3-x", "/chat", "1.2.3-x", False),
        ("/chat/1.2.3-beta+exp.5", "/chat", "1.2.3-beta+exp.5", False),
        ("/chat/1.x", "/chat", "1.x", True),
        ("/chat/^1.2", "/chat", "^1.2", True),
        ("/chat/>=1.1 <3", "/chat", ">=1.1 <3", True),
        ("/chat/1.2.0 || 2.x", "/chat", "1.2.0 || 2.x", True),
        ("/chat/*", "/chat", "*", True),
        ("/noise", "/noise", "", False),
        ("/x", "/x", "", False),
        ("/chat/1", "/chat/1", "", False),
        ("/chat/1.2", "/chat/1.2", "", False),
        ("/chat/latest", "/chat/latest", "", False),
        ("/chat/<b>1</b>", "/chat/<b>1</b>", "", False),
        ("/chat/" + "1" * 100 + ".x", "/chat/" + "1" * 100 + ".x", "", False),
    ],
)
def test_the_version_is_what_an_id_ends_in(protocol: str, name: str, version: str, ranged: bool) -> None:
    assert split_version(protocol) == (name, version)
    assert is_range(protocol) == ranged


class TestServing:
    @pytest.mark.parametrize(
        ("proposal", "served_as"),
        [
            ("/chat/1.4.0", "/chat/1.x"),
            ("/chat/1.0.0", "/chat/1.0.0"),
            ("/chat/2.5.0", "/chat/^2.3"),
            ("/chat/2.0.0", None),
            ("/other/1.4.0", None),
            ("/noise", "/noise"),
            ("/chat", None),
            ("/chat/1.5.0-rc.1", None),
        ],
    )
    def test_a_proposal_is_served_by_itself_or_by_a_range(self, proposal: str, served_as: str | None) -> None:
        assert match(["/chat/1.x", "/chat/1.0.0", "/chat/^2.3", "/noise"], proposal) == served_as

    def test_of_two_ranges_the_first_serves(self) -> None:
        assert match(["/chat/>=1 <3", "/chat/1.x"], "/chat/1.4.0") == "/chat/>=1 <3"

    def test_a_range_is_not_a_proposal_for_another_range(self) -> None:
        assert match(["/chat/1.x"], "/chat/^1.2") is None

    @given(st.text(max_size=80), st.text(max_size=80))
    def test_any_text_is_matched_or_not_without_a_fuss(self, name: str, last: str) -> None:
        proposal = f"{name}/{last}"
        assert match(["/chat/1.x", proposal], proposal) == proposal
        assert match(["/chat/1.x"], f"/chat/{last}") in (None, "/chat/1.x")


class TestAsking:
    def test_a_range_becomes_known_versions_highest_first(self) -> None:
        known = ["/chat/1.0.0", "/chat/1.10.0", "/chat/1.9.0", "/chat/2.0.0", "/chat/1.x", "/other/1.5.0"]
        assert proposals(["/chat/1.x"], known) == ["/chat/1.10.0", "/chat/1.9.0", "/chat/1.0.0"]

    def test_plain_ids_stay_as_they_are_and_where_they_are(self) -> None:
        wanted = ["/chat/1.0.0", "/chat/2.0.0", "/noise"]
        assert proposals(wanted, ["/chat/3.0.0"]) == wanted

    @pytest.mark.parametrize(
        ("versions", "lowest"),
        [("1.x", "1.0.0"), ("^1.2", "1.2.0"), (">1.2.3", "1.2.4"), ("<2", "0.0.0"), ("*", "0.0.0"), ("~2.1", "2.1.0")],
    )
    def test_without_knowing_anything_the_lowest_version_is_tried(self, versions: str, lowest: str) -> None:
        assert proposals([f"/chat/{versions}"], []) == [f"/chat/{lowest}"]

    def test_a_range_with_nothing_in_it_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="no version"):
            proposals(["/chat/>1.2.3 <1.2.4"], [])

    def test_what_a_peer_lists_is_bounded(self) -> None:
        known = [f"/chat/1.{minor}.0" for minor in range(500)]
        asked = proposals(["/chat/1.x"], known)
        assert len(asked) == MAX_PROPOSALS
        assert (asked[0], asked[-1]) == ("/chat/1.499.0", "/chat/1.0.0")

    @given(st.lists(versions, max_size=6), st.lists(versions, max_size=6), st.sampled_from(["1.x", "*", ">=1 <3"]))
    def test_the_dialler_gets_the_highest_version_that_both_speak(
        self, ours: list[str], theirs: list[str], wanted: str
    ) -> None:
        spoken = [f"/chat/{version}" for version in theirs]
        dialler = Proposer(proposals([f"/chat/{wanted}"], [*spoken, *(f"/chat/{version}" for version in ours)]))
        listener = Listener(lambda proposal: match(spoken, proposal))
        answer = listener.start() + listener.receive(dialler.start())
        while not dialler.done:
            answer = listener.receive(dialler.receive(answer))
        inside = [tuple(map(int, version.split("."))) for version in theirs]
        inside = [v for v in inside if wanted == "*" or v[0] == 1 or (wanted == ">=1 <3" and v[0] == 2)]
        expected = "/chat/" + ".".join(map(str, max(inside))) if inside else None
        assert dialler.protocol == expected


def test_the_semver_library_is_imported_when_the_first_range_is_met() -> None:
    code = (
        "import sys, p2plab.stream.negotiation.versions as v; v.match(['/chat/1.0.0', '/x'], '/chat/2.0.0'); "
        "a = 'nodesemver' in sys.modules; v.match(['/chat/1.x'], '/chat/1.2.0'); print(a, 'nodesemver' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
