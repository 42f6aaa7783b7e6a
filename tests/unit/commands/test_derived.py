"""Commands that are verbs: what the table makes of a verb's declaration, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from p2plab import Lab
from p2plab.api.aio.dht import AsyncDht
from p2plab.api.aio.node import AsyncNode
from p2plab.commanded import FACES, commanded
from p2plab.commands import TABLE, find, perform
from p2plab.commands.derived import derive, words_of
from p2plab.errors import ConfigurationError


class Thing:
    """A face with verbs, which a test offers as ``lab.network``."""

    @commanded("network", "twist 3 words=a", name="twist", result="told", echo=("turns",), after=("now",))
    async def twist(self, turns: int, words: str | None = None) -> list[str]:
        """Twist it.

        It turns.

        Args:
            turns: how often,
                a whole number
            words: what to say
        """
        return [words or "nothing"] * turns

    @commanded("network", "plain", name="plain")
    def plain(self) -> None:
        """Do something plain."""


class Wrong:
    @commanded("network", "wrong", name="wrong")
    def wrong(self, handler: Any) -> None:
        """Take what no command can be given."""


class Unknown:
    @commanded("network", "unknown", name="unknown")
    def unknown(self) -> complex:
        """Give what there is no row for."""
        return 1j


@pytest.fixture
def face(request: pytest.FixtureRequest) -> Iterator[None]:
    """One class of this module is offered, and the table is as before afterwards."""
    before, offered = dict(TABLE), dict(FACES)
    FACES.clear()
    FACES["lab", "thing"] = f"{__name__}:{request.param.__name__}"
    yield
    FACES.clear()
    FACES.update(offered)
    TABLE.clear()
    TABLE.update(before)


@pytest.mark.parametrize("face", [Thing], indirect=True)
def test_a_marked_verb_is_a_command_with_its_arguments_and_its_words(face: None, lab: Lab) -> None:
    derive()
    command = find("twist")
    assert (command.summary, command.text, command.worlds) == ("Twist it.", "It turns.", "both")
    assert [(one.name, one.type, one.what, one.required) for one in command.parameters] == [
        ("turns", "whole number", "how often, a whole number", True),
        ("words", "text", "what to say", False),
    ]
    assert list(command.result.__annotations__) == ["turns", "told", "now"]
    lab.thing = Thing()  # type: ignore[attr-defined]  # where the path that was offered leads
    answer = perform(lab, "twist", {"turns": 2, "words": "a"})
    assert answer.result == {"turns": 2, "told": ["a", "a"], "now": pytest.approx(lab.now, abs=60)}
    assert answer.python == 'lab.thing.twist(2, words="a")'
    assert perform(lab, "plain", {}).result == {"done": True}
    assert "turns='x' is refused" in perform(lab, "twist", {"turns": "x"}).error


@pytest.mark.parametrize(
    ("face", "why"),
    [
        (Wrong, "cannot be a command with its argument handler: Any"),
        (Unknown, "gives complex, of which p2plab.commands.rows makes no row"),
    ],
    indirect=["face"],
)
def test_a_verb_that_no_command_can_be_made_of_is_refused(face: None, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        derive()


def test_the_words_of_a_command_are_those_of_the_verb() -> None:
    for name, verb in [("ping", AsyncNode.ping), ("dht_get", AsyncDht.get)]:
        words = words_of(verb.__doc__)
        assert find(name).summary == words.summary
        assert {one.name: one.what for one in find(name).parameters} == words.arguments


def test_a_docstring_without_sections_is_all_text() -> None:
    words = words_of("One line.\n\nMore: of\n    it.")
    assert (words.summary, words.text, words.arguments) == ("One line.", "More: of\n    it.", {})
    assert words_of(None).summary == ""
