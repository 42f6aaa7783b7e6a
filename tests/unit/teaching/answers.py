"""Answers to exercises that are to be accepted, and those that are to be told what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from p2plab.teaching.exercises import find


def accepted(name: str, answer: Any) -> None:
    verdict = find(name)(answer)
    assert verdict, verdict.says


def rejected(name: str, answer: Any, says: str) -> None:
    verdict = find(name)(answer)
    assert not verdict, verdict.says
    assert says in verdict.says


def each_right(answers: Mapping[str, Sequence[Callable[..., Any]]]) -> pytest.MarkDecorator:
    """A test of ``name`` and ``answer`` for each of these, by the exercise's name."""
    found = [
        pytest.param(name, one, id=f"{name}-{at}") for name, many in answers.items() for at, one in enumerate(many)
    ]
    return pytest.mark.parametrize(("name", "answer"), found)


def each_wrong(answers: Mapping[str, Sequence[tuple[Callable[..., Any], str]]]) -> pytest.MarkDecorator:
    """A test of ``name``, ``answer`` and what it ``says`` for each of these, by the exercise's name."""
    found = [
        pytest.param(name, *one, id=f"{name}-{at}") for name, many in answers.items() for at, one in enumerate(many)
    ]
    return pytest.mark.parametrize(("name", "answer", "says"), found)
