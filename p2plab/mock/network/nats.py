"""``lab.network``: NAT boxes in front of nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from p2plab.errors import ConfigurationError, ValidationError
from p2plab.mock.network.names import Names
from p2plab.mock.runtime import to_ticks
from p2plab.network.nat import TCP_TIMEOUT, TCP_TRANSITORY, UDP_TIMEOUT, Box, Dropped, behaviour
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.mock.host import MockHost

__all__ = ["SYMMETRIC", "NatBox", "NatVerbs"]

SYMMETRIC = 0.20
"""The share of symmetric NATs in ``nat_population("internet")``; the others are port-restricted. So 70.4 % of pairs can
be punched, as arXiv 2510.27500 measured (70 ± 7.1 %)."""


class NatBox:
    """A NAT that was put in front of nodes; ``lab.network.add_nat`` gives it."""

    def __init__(self, network: NatVerbs, box: Box, nodes: list[str]) -> None:
        self._network = network
        self.made_by = -1  # the command
        self.box = box
        self.nodes = nodes

    @property
    def address(self) -> str:
        """Its outside IP address; empty for a firewall, which has none."""
        return self.box.ip

    @property
    def kind(self) -> str:
        """``symmetric``, ``port-restricted``, ``restricted``, ``full-cone``, ``firewall``, or RFC 4787's names."""
        return self.box.kind

    def remove(self) -> None:
        """Take it away: the nodes behind it get public addresses. ConfigurationError while they have connections, and
        while another box stands behind it."""
        self._network._world.do(self._network._remove_nat, self.box.name, self.nodes)

    def __repr__(self) -> str:
        at = f" at {self.address}" if self.address else ""
        return f"<NatBox {self.box.name}: {self.kind}{at}, {plural(len(self.nodes), 'node')}>"


class NatVerbs(Names):
    """Boxes in front of nodes."""

    def add_nat(
        self,
        nodes: Any,
        kind: str = "port-restricted",
        *,
        mapping: str | None = None,
        filtering: str | None = None,
        inside: NatBox | str | None = None,
        udp_timeout: float = UDP_TIMEOUT,
        tcp_timeout: float = TCP_TIMEOUT,
        port_preservation: bool = True,
        hairpinning: bool = False,
        upnp: bool = False,
    ) -> NatBox:
        """Put nodes behind one NAT. They must have no connection yet, and stand behind no box of their own.

        Args:
            nodes: a node or several, by object or name
            kind: ``symmetric``, ``port-restricted``, ``restricted``, ``full-cone`` or ``firewall``
            mapping: ``EIM``, ``ADM`` or ``APDM`` (RFC 4787), instead of the kind's
            filtering: ``EIF``, ``ADF`` or ``APDF``, instead of the kind's
            inside: the box that this one stands behind (CGNAT), or its name
            udp_timeout: seconds after which a mapping without a packet from inside is forgotten
            tcp_timeout: the same for TCP, once the other end has answered
            port_preservation: whether it keeps the inside port where that is free
            hairpinning: whether nodes behind it reach each other by its outside address
            upnp: whether it maps ports on request

        Returns:
            The box, with ``.address`` and ``.remove()``.

        Raises:
            ValidationError: an unknown kind or behaviour
            ConfigurationError: a node that has connections, or stands behind a box already
        """
        given = [nodes] if isinstance(nodes, str) or not isinstance(nodes, Sequence) else list(nodes)
        names = [self._name(node) for node in given]
        if not names:
            raise ValidationError("add_nat needs at least one node: add_nat([alice, bob])")
        if len(set(names)) < len(names):
            raise ValidationError(f"add_nat names a node twice: {', '.join(names)}")
        behaviours = behaviour(kind, mapping, filtering)
        if inside is not None and not isinstance(inside, (NatBox, str)):
            raise ValidationError(f"inside={inside!r}: give the NatBox that this one stands behind")
        options = {
            "udp_timeout": to_ticks(udp_timeout, "udp_timeout"),
            "tcp_timeout": to_ticks(tcp_timeout, "tcp_timeout"),
            "port_preservation": bool(port_preservation),
            "hairpinning": bool(hairpinning),
            "upnp": bool(upnp),
        }
        outer = inside.box.name if isinstance(inside, NatBox) else inside
        return self._world.do(self._add_nat, names, behaviours, outer, options)

    def _add_nat(
        self, names: list[str], behaviours: tuple[str | None, str], inside: str | None, options: dict[str, Any]
    ) -> NatBox:
        world = self._world
        boxes = world.with_boxes()
        hosts = [self._host(name) for name in names]
        for host in hosts:
            if host.connected:
                raise ConfigurationError(f"{host.name} has connections; boxes are set before they are made")
            if boxes.is_behind(host):
                box = boxes.box_of(host)
                raise ConfigurationError(f"{host.name} stands behind {'' if box is None else box.name} already")
        outer = next((box for box in boxes.realms.boxes if box.name == inside), None)
        if inside is not None and outer is None:
            raise ConfigurationError(f"there is no box {inside}; it may have been removed")
        number = world.next_box()
        mapping, filtering = behaviours
        ip = "" if mapping is None else world.listeners.box_ip() if outer is None else world.listeners.shared_ip()
        box = Box(
            f"nat{number}", ip, mapping, filtering, outer=outer, tcp_transitory=to_ticks(TCP_TRANSITORY), **options
        )
        boxes.realms.add_box(box)
        for place, host in enumerate(hosts):
            if mapping is not None:
                self._move(host, world.listeners.private_ip(number, place))
            elif outer is not None and outer.translates:
                self._move(host, world.listeners.private_ip(number, place))
            boxes.put_behind(host, box)
            assert host.reachability is not None
            host.reachability.behind_a_box()
            if box.upnp:
                mapped = box.pin(boxes.wire, boxes.endpoint(host))
                host.reachability.pinned(None if isinstance(mapped, Dropped) else boxes.address_of(mapped))
        data = {
            "box": box.name,
            "kind": box.kind,
            "mapping": mapping,
            "filtering": filtering,
            "nodes": names,
            "address": ip,
            "inside": inside,
        }
        self._record("nat.box", data)
        return NatBox(self, box, names)

    def _move(self, host: MockHost, ip: str) -> None:
        self._world.listeners.move(host, ip)
        host.moved()

    def _remove_nat(self, name: str, names: list[str]) -> None:
        world = self._world
        boxes = world.with_boxes()
        box = next((one for one in boxes.realms.boxes if one.name == name), None)
        if box is None:
            raise ConfigurationError(f"the box {name} has been removed already")
        behind = next((one.name for one in boxes.realms.boxes if one.outer is box), None)
        if behind is not None:
            raise ConfigurationError(f"the box {behind} stands behind {name}; remove that one first")
        hosts = [self._host(node) for node in names]
        for host in hosts:
            if host.connected:
                raise ConfigurationError(f"{host.name} has connections; disconnect it before its box is removed")
        boxes.realms.remove_box(box)
        for host in hosts:
            self._move(host, world.listeners.fresh_ip())
            boxes.realms.place(host.ip, None)
            assert host.reachability is not None
            host.reachability.in_the_open()
        self._record("nat.removed", {"box": name, "nodes": names})

    def nat_population(
        self, population: str = "internet", nodes: Sequence[Any] | None = None, share: float = 1.0
    ) -> list[NatBox]:
        """Put nodes behind NATs of their own, in the mix of a population.

        Args:
            population: ``internet``: 20 % symmetric, the others port-restricted, so that 70 % of pairs can be punched
                (arXiv 2510.27500)
            nodes: which nodes; left out, all of the lab
            share: of them, how many stand behind a NAT, from 0 to 1; the others stay public

        Returns:
            The boxes.
        """
        if population != "internet":
            raise ValidationError(f"there is no population {population!r}: take 'internet'")
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise ValidationError(f"share={share!r}: a number from 0 to 1")
        names = list(self._world.hosts()) if nodes is None else [self._name(node) for node in nodes]
        draws = self._world.draws.stream("nat.population")
        picked = set(draws.sample(range(len(names)), round(len(names) * share)))
        behind = [name for place, name in enumerate(names) if place in picked]
        return [
            self.add_nat([name], "symmetric" if draws.random() < SYMMETRIC else "port-restricted") for name in behind
        ]
