"""A dict of dicts that is copied in one step: what two copies have in common is held once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Generic, TypeVar

__all__ = ["Shared"]

K = TypeVar("K", bound=Hashable)


class Shared(Generic[K]):
    """For each key a dict, of which only the keys in their order count. Both copies copy an inner dict before they
    change it for the first time, so a copy costs one entry a key, however much hangs on it."""

    __slots__ = ("_inner", "_own")

    def __init__(self) -> None:
        self._inner: dict[K, dict[Any, None]] = {}
        self._own: set[K] = set()  # the keys whose dict nobody else holds

    def __len__(self) -> int:
        return len(self._inner)

    def __iter__(self) -> Iterator[K]:
        return iter(self._inner)

    def get(self, key: K) -> dict[Any, None]:
        """What is under the key, to be read only; empty where there is nothing."""
        return self._inner.get(key, {})

    def add(self, key: K, member: Any) -> bool:
        """Put it in; False where it was in already."""
        inner = self._inner.get(key)
        if inner is None:
            self._inner[key] = {member: None}
            self._own.add(key)
            return True
        if member in inner:
            return False
        self._to_change(key, inner)[member] = None
        return True

    def remove(self, key: K, member: Any) -> bool:
        """Take it out; False where it was not in."""
        inner = self._inner.get(key)
        if inner is None or member not in inner:
            return False
        if len(inner) == 1:
            self.drop(key)
        else:
            del self._to_change(key, inner)[member]
        return True

    def drop(self, key: K) -> dict[Any, None]:
        """Take out everything under the key; returns it."""
        self._own.discard(key)
        return self._inner.pop(key, {})

    def _to_change(self, key: K, inner: dict[Any, None]) -> dict[Any, None]:
        if key in self._own:
            return inner
        self._own.add(key)
        mine = self._inner[key] = inner.copy()
        return mine

    def copy(self) -> Shared[K]:
        """Another one with the same in it."""
        other: Shared[K] = Shared()
        other._inner = self._inner.copy()
        self._own.clear()
        return other
