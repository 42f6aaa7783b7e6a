"""Which remedies have a test that turns them off."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T", bound=Callable[..., object])


class Without:
    """Marks a test as the one that shows what is the matter without a remedy."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __call__(self, name: str) -> Callable[[T], T]:
        self.names.add(name)
        return lambda test: test


without = Without()
