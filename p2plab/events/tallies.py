"""How many events of each kind there were, of all nodes together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Counts(Mapping[str, int]):
    """A live view of the log's ``tallies``, which hold the number of events of each kind, a dict a node."""

    def __init__(self, tallies: list[dict[str, int]]) -> None:
        self._tallies = tallies

    def __getitem__(self, kind: str) -> int:
        count = sum(tally.get(kind, 0) for tally in self._tallies)
        if not count:
            raise KeyError(kind)
        return count

    def __iter__(self) -> Iterator[str]:
        # Copies: any thread may look while the lab's own counts.
        return iter(dict.fromkeys(kind for tally in list(self._tallies) for kind in list(tally)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))
