"""``lab.network``: NAT boxes in front of nodes, in every world whose network is simulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from p2plab.constants import TICKS_PER_SECOND
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.errors.checked import list_of
from p2plab.errors.frames import faced
from p2plab.network.nat import (
    TCP_TIMEOUT,
    TCP_TRANSITORY,
    UDP_TIMEOUT,
    Box,
    Dropped,
    Endpoint,
    Realms,
    Transport,
    behaviour,
)
from p2plab.text import plural

__all__ = ["INTERNET", "BoxedNodes", "IpPlaces", "NatBox", "NatVerbs"]

INTERNET = {"symmetric": 0.20, "restricted": 0.16, "port-restricted": 0.64}
"""The NATs of ``nat_population("internet")``, by their share. A symmetric one meets neither its like nor one that is
port-restricted, so 1 - 0.2² - 2 x 0.2 x 0.64 = 70.4 % of pairs can be punched; arXiv 2510.27500 measured 70 ± 7.1 %."""


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
        self._network._world.call(self._network._remove_nat, self.box.name, self.nodes)

    def __repr__(self) -> str:
        at = f" at {self.address}" if self.address else ""
        return f"<NatBox {self.box.name}: {self.kind}{at}, {plural(len(self.nodes), 'node')}>"


class IpPlaces(Protocol):
    """Who gives IP addresses out."""

    def fresh_ip(self) -> str: ...

    def box_ip(self) -> str: ...

    def shared_ip(self) -> str: ...

    def private_ip(self, box: int, place: int) -> str: ...


class BoxedNodes(Protocol):
    """The boxes of a lab, and its nodes in front of and behind them."""

    realms: Realms

    def next_box(self) -> int:
        """A number for a box."""

    def wires(self, host: Any) -> Sequence[Transport]:
        """What a node's packets are to a NAT, the kind that is dialled first in front."""

    def box_of(self, host: Any) -> Box | None: ...

    def put_behind(self, host: Any, box: Box) -> None: ...

    def is_behind(self, host: Any) -> bool: ...

    def passes(self, a: Any, b: Any) -> bool: ...

    def endpoint(self, host: Any) -> Endpoint: ...

    def address_of(self, endpoint: Endpoint, wire: Transport) -> str: ...


class NatVerbs:
    """Boxes in front of nodes. What raises NotImplementedError is the world's."""

    _world: Any

    def _name(self, node: Any) -> str:
        raise NotImplementedError

    def _host(self, name: str) -> Any:
        raise NotImplementedError

    def _record(self, kind: str, data: dict[str, Any]) -> None:
        raise NotImplementedError

    def _check(self, host: Any) -> None:
        """An error where a node can stand behind no box."""

    def _boxes(self) -> BoxedNodes:
        """The lab's boxes; from the first on, every node looks after its reachability."""
        raise NotImplementedError

    @property
    def _places(self) -> IpPlaces:
        raise NotImplementedError

    def _move(self, host: Any, ip: str) -> None:
        """A node gets another IP address."""
        raise NotImplementedError

    @faced
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

        Example:
            >>> dave = lab.start_node("dave")
            >>> box = lab.network.add_nat(dave, "symmetric")
            >>> box
            <NatBox nat1: symmetric at 15.0.0.1, 1 node>
            >>> lab.reachability()["alice", "dave"].how
            'no'
        """
        given = [nodes] if isinstance(nodes, str) or not isinstance(nodes, Sequence) else list(nodes)
        names = [self._name(node) for node in given]
        for name in names:
            self._check(self._host(name))
        if not names:
            raise ValidationError("add_nat needs at least one node: add_nat([alice, bob])")
        if len(set(names)) < len(names):
            raise ValidationError(f"add_nat names a node twice: {', '.join(names)}")
        behaviours = behaviour(kind, mapping, filtering)
        if inside is not None and not isinstance(inside, (NatBox, str)):
            raise ValidationError(f"inside={inside!r}: give the NatBox that this one stands behind")
        options = {
            "udp_timeout": _ticks(udp_timeout, "udp_timeout"),
            "tcp_timeout": _ticks(tcp_timeout, "tcp_timeout"),
            "port_preservation": port_preservation,
            "hairpinning": hairpinning,
            "upnp": upnp,
        }
        for name in ("port_preservation", "hairpinning", "upnp"):
            if not isinstance(options[name], bool):
                raise ValidationError(f"{name}={options[name]!r}: True or False")
        outer = inside.box.name if isinstance(inside, NatBox) else inside
        box: NatBox = self._world.call(self._add_nat, names, behaviours, outer, options)
        return box

    def _add_nat(
        self, names: list[str], behaviours: tuple[str | None, str], inside: str | None, options: dict[str, Any]
    ) -> NatBox:
        boxes, places = self._boxes(), self._places
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
        number = boxes.next_box()
        mapping, filtering = behaviours
        ip = "" if mapping is None else places.box_ip() if outer is None else places.shared_ip()
        transitory = _ticks(TCP_TRANSITORY, "tcp_transitory")
        box = Box(
            f"nat{number}",
            ip,
            mapping,
            filtering,
            outer=outer,
            tcp_transitory=transitory,
            **options,
        )
        boxes.realms.add_box(box)
        for place, host in enumerate(hosts):
            if mapping is not None:
                self._move(host, places.private_ip(number, place))
            elif outer is not None and outer.translates:
                self._move(host, places.private_ip(number, place))
            boxes.put_behind(host, box)
            assert host.reachability is not None
            host.reachability.behind_a_box()
            if box.upnp:
                mapped = [(box.pin(wire, boxes.endpoint(host)), wire) for wire in boxes.wires(host)]
                host.reachability.pinned(
                    [boxes.address_of(at, wire) for at, wire in mapped if not isinstance(at, Dropped)]
                )
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

    def _remove_nat(self, name: str, names: list[str]) -> None:
        boxes = self._boxes()
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
            self._move(host, self._places.fresh_ip())
            boxes.realms.place(boxes.endpoint(host).ip, None)
            assert host.reachability is not None
            host.reachability.in_the_open()
        self._record("nat.removed", {"box": name, "nodes": names})

    @faced
    def nat_population(
        self, population: str = "internet", nodes: Sequence[Any] | None = None, share: float = 1.0
    ) -> list[NatBox]:
        """Put nodes behind NATs of their own, in the mix of a population.

        Args:
            population: ``internet``: 20 % symmetric, 16 % restricted, 64 % port-restricted, so that 70 % of pairs can
                be punched (arXiv 2510.27500)
            nodes: which nodes; left out, all of the lab
            share: of them, how many stand behind a NAT, from 0 to 1; the others stay public

        Returns:
            The boxes.

        Example:
            >>> more = lab.start_nodes(10)
            >>> len(lab.network.nat_population(nodes=more, share=0.5))
            5
        """
        if population != "internet":
            raise ValidationError(f"there is no population {population!r}: take 'internet'")
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise ValidationError(f"share={share!r}: a number from 0 to 1")
        given = None if nodes is None else list_of(nodes, "nodes=", "[alice, bob]")
        names = list(self._world.hosts()) if given is None else [self._name(node) for node in given]
        draws = {name: self._world.runtime.random(f"nat.population/{name}") for name in names}
        places = {name: stream.random() for name, stream in draws.items()}  # those who come first stand behind a NAT
        behind = set(sorted(names, key=places.__getitem__)[: round(len(names) * share)])
        return [self.add_nat([name], _of_internet(draws[name].random())) for name in names if name in behind]


def _of_internet(draw: float) -> str:
    """The kind of NAT that a number from 0 to 1 stands for."""
    for kind, share in INTERNET.items():
        if draw < share:
            return kind
        draw -= share
    return kind


def _ticks(seconds: float, what: str) -> int:
    """Seconds as ticks. ValidationError for what is no duration."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e9:
        raise ValidationError(f"{what} must be a number of seconds from 0 up, not {seconds!r}")
    return round(seconds * TICKS_PER_SECOND)
