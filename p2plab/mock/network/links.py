"""``lab.network``: links, bandwidth, and where in the world the nodes are."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p2plab.commanded import commanded
from p2plab.errors import ValidationError
from p2plab.errors.checked import flag, one_of
from p2plab.mock.network.names import Names
from p2plab.network import LatencyMatrix, Link, load_matrix, regions
from p2plab.typing import Chance

if TYPE_CHECKING:
    from p2plab.mock.host import MockHost
    from p2plab.mock.world import MockWorld

MOST_RATE = 1e15  # bytes a second; more is no limit at all
PRESETS = {
    "lan": Link(latency=0.000_25, jitter=0.000_05),
    "wan": Link(latency=0.050, jitter=0.020),
    "regions": Link(latency=0.050, jitter=0.002, distribution="exponential"),
}


class LinkVerbs(Names):
    """Setting links and lines."""

    def __init__(self, world: MockWorld) -> None:
        super().__init__(world)
        self._regions: LatencyMatrix | None = None
        self._site_of: dict[int, int] = {}

    def set_link(self, between: Sequence[Any] | None = None, one_way: bool = False, **settings: Any) -> None:
        """Change the default link, or the one between two nodes; what is not given stays as it is.

        Args:
            between: two nodes ``(a, b)``; left out, every link that has no settings of its own
            one_way: only from a to b
            settings: the fields of ``p2plab.network.Link``: ``latency`` and ``jitter`` (seconds, one way),
                ``distribution`` (``uniform``, ``normal``, ``exponential``, ``pareto``), ``loss``, ``duplicate`` and
                ``reorder`` (chances, 0 to 1), ``reorder_delay`` (seconds)

        Raises:
            ValidationError: a field there is none of, or a value that makes no sense; nothing is changed then.

        Example:
            >>> lab.network.set_link((alice, bob), latency=0.2)
            >>> alice.ping(bob)
            0.4
        """
        pair = None if between is None else self._pair(between)
        self._world.call(self._set_link, pair, flag(one_way, "one_way"), settings)

    def _set_link(self, between: tuple[str, str] | None, one_way: bool, settings: dict[str, Any]) -> None:
        if between is None:
            if one_way:
                raise ValidationError("one_way goes with between=(a, b); the default link is every direction's")
            self._links.set_default(self._links.default.changed(**settings))
            return
        a, b = (self._index(name) for name in between)
        changed = [(x, y, self._links.between(x, y).changed(**settings)) for x, y in ((a, b), (b, a))]
        for x, y, link in changed[: 1 if one_way else 2]:
            self._links.set_between(x, y, link)

    @property
    def default_link(self) -> Link:
        """The link of every pair that has none of its own."""
        return self._links.default

    def link(self, a: Any, b: Any) -> Link:
        """Give the link from one node to another.

        Args:
            a: a node or its name
            b: the other one
        """
        return self._links.between(self._index(self._name(a)), self._index(self._name(b)))

    @commanded("network", "network_set_node alice up=1e6 down=2e6", worlds="mock", echo=("node", "up", "down"))
    def set_node(self, node: Any, up: float | None = None, down: float | None = None) -> None:
        """Limit a node's bandwidth, up and down; what does not fit waits its turn.

        Args:
            node: a node or its name
            up: bytes a second that it can send; left out, no limit
            down: bytes a second that it can get; left out, no limit

        Example:
            >>> lab.network.set_node(alice, up=1e6)
            >>> cid = alice.content.add(b"a megabyte " * 100_000)
            >>> bob.content.fetch(cid).duration > 1
            True
        """
        for name, rate in (("up", up), ("down", down)):
            number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
            if rate is not None and not (number and 0 < rate <= MOST_RATE):
                raise ValidationError(f"{name} must be a number of bytes a second above 0, or None, not {rate!r}")
        self._world.call(self._set_node, self._name(node), up, down)

    def _set_node(self, node: str, up: float | None, down: float | None) -> None:
        self._links.set_rates(self._index(node), up, down)

    # -- where the nodes are

    @commanded(
        "network",
        "network_preset wan",
        "network_preset regions",
        worlds="mock",
        echo=("name",),
        takes={"name": "NetworkKind"},
    )
    def preset(self, name: str) -> None:
        """Give every link what is usual in a kind of network.

        Args:
            name: ``lan`` (0.25 ms), ``wan`` (50 ± 20 ms) or ``regions`` (six regions of the world,
                ``p2plab/network/regions.csv``; nodes live there by its weights unless started with ``region=``)

        Example:
            >>> lab.network.preset("lan")
            >>> alice.ping(bob)
            0.0004
        """
        one_of(name, PRESETS, "a preset of the network")
        self._world.call(self._preset, name)

    def _preset(self, name: str) -> None:
        self._links.set_default(PRESETS[name])
        self._set_matrix(regions() if name == "regions" else None)

    def load_latencies(
        self, path: str | Path, unit: str | None = None, round_trip: bool | None = None
    ) -> LatencyMatrix:
        """Take latencies, and what loss and bandwidths it has, from a file.

        Its sites are nodes of this lab by name (all of the sites, or all of the nodes). If none is, they are the nodes
        in their order if there are as many, and else places where nodes live by the sites' weights, unless started
        with ``region="a site's name"``.

        Args:
            path: a ``.gml`` graph or a table
            unit: the unit of its times, such as ``"ms"``; left out, what its format says
                (``p2plab.network.load_matrix``)
            round_trip: whether its times are there and back; left out, what its format says

        Raises:
            ValidationError: only some of the sites are nodes, or the file is wrong.
        """
        matrix = load_matrix(path, unit, round_trip)
        names = [host.name for host in self._world.all_hosts()]
        strangers = [site for site in matrix.sites if site not in names]
        if strangers and len(strangers) < len(matrix) and not set(names) <= set(matrix.sites):
            near = difflib.get_close_matches(strangers[0], names, n=1)
            raise ValidationError(
                f"{path}: some of its sites are nodes of this lab and {strangers[0]!r} is not"
                f"{f' (did you mean {near[0]}?)' if near else ''}; name all of them like nodes, or none"
            )
        placed = dict(zip(names, matrix.sites, strict=True)) if strangers and len(matrix) == len(names) else None
        if len(strangers) < len(matrix):
            placed = {name: name for name in matrix.sites if name in names}
        self._world.call(self._place, matrix, placed)
        return matrix

    def _place(self, matrix: LatencyMatrix, site_of: dict[str, str] | None) -> None:
        if site_of is None:
            self._set_matrix(matrix)
            return
        rows = {site: row for row, site in enumerate(matrix.sites)}
        self._regions = None
        self._site_of = {self._index(name): rows[site] for name, site in site_of.items()}
        self._links.set_matrix(matrix, self._site_of)
        for index, row in self._site_of.items():
            self._set_line(matrix, index, row)

    def _set_line(self, matrix: LatencyMatrix, index: int, row: int) -> None:
        """Give a node the bandwidth of its site, where the matrix has any."""
        if matrix.up is not None or matrix.down is not None:
            self._links.set_rates(
                index, None if matrix.up is None else matrix.up[row], None if matrix.down is None else matrix.down[row]
            )

    def _set_matrix(self, matrix: LatencyMatrix | None) -> None:
        self._regions, self._site_of = matrix, {}
        for host in self._world.all_hosts():
            self.settle(host)
        self._links.set_matrix(matrix, self._site_of)

    def settle(self, host: MockHost) -> None:
        """Give a new node its region, where there are regions."""
        if self._regions is None:
            return
        wanted = host.settings.get("region")
        if wanted is None or wanted not in self._regions.sites:  # it may be of the sites there were before
            self._site_of[host.index] = _weighted(self._regions.weights, self._world.draws.once(f"regions/{host.name}"))
        else:
            self._site_of[host.index] = self._regions.sites.index(wanted)
        self._set_line(self._regions, host.index, self._site_of[host.index])

    def check_region(self, region: str) -> None:
        """Refuse a region that the network does not have.

        Args:
            region: its name

        Raises:
            ValidationError: there is no such region.
        """
        known = regions().sites if self._regions is None else self._regions.sites
        if region not in known:
            some = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
            raise ValidationError(f"there is no region {region!r}; take {some}")

    def region(self, node: Any) -> str | None:
        """Give the region that a node lives in; None if the network has no regions.

        Args:
            node: the node, or its name
        """
        row = self._site_of.get(self._index(self._name(node)))
        return None if row is None or self._regions is None else self._regions.sites[row]


def _weighted(weights: Sequence[int], draw: Chance) -> int:
    """An index drawn by weight."""
    at = draw.randrange(sum(weights))
    for index, weight in enumerate(weights):
        at -= weight
        if at < 0:
            return index
    raise AssertionError("a draw below the sum of the weights falls on one of them")
