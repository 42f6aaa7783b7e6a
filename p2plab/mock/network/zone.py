"""``lab.network.zone``: the names of a simulated internet, for ``/dns4``, ``/dns6``, ``/dns`` and ``/dnsaddr``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from p2plab.commanded import commanded
from p2plab.discovery.names.zone import ZoneRecords, check_name, check_records, dnsaddr_texts
from p2plab.errors.checked import list_of
from p2plab.errors.frames import Faced
from p2plab.mock.network.names import Names
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.mock.world import MockWorld

__all__ = ["Zone", "ZoneServer", "ZoneVerbs"]

ANSWER: Final = 0.020  # seconds that a question takes: a resolver nearby


class ZoneVerbs(Names):
    """Names and their records."""

    def __init__(self, world: MockWorld) -> None:
        super().__init__(world)
        self._zone = ZoneRecords()

    @property
    def zone(self) -> Zone:
        """The names that addresses may begin with: ``zone.set``, ``zone.dnsaddr``, ``zone.remove``, ``zone.all``."""
        return Zone(self)

    def _set_records(self, name: str, records: dict[str, list[str]]) -> None:
        self._zone.set(name, records)
        self._record("network.zone", {"name": name, **{kind: len(values) for kind, values in records.items()}})

    def _remove_name(self, name: str) -> bool:
        removed = self._zone.remove(name)
        self._record("network.zone", {"name": name, "removed": removed})
        return removed


class Zone(Faced):
    """The zone of a mock lab."""

    def __init__(self, network: ZoneVerbs) -> None:
        self._network = network

    @commanded(
        "network",
        "network_zone_set bootstrap.example ip4=192.0.2.1",
        worlds="mock",
        takes={"name": "DomainName", "ip4": "Records", "ip6": "Records", "txt": "Records"},
    )
    def set(
        self,
        name: str,
        ip4: Sequence[str] | str | None = None,
        ip6: Sequence[str] | str | None = None,
        txt: Sequence[str] | str | None = None,
    ) -> None:
        """Say the records of a name; those of a kind that is left out stay.

        Args:
            name: such as bootstrap.example
            ip4: its A records, IPv4 addresses
            ip6: its AAAA records, IPv6 addresses
            txt: its TXT records

        Raises:
            ValidationError: no such name, address or text.
        """
        given = {kind: values for kind, values in (("ip4", ip4), ("ip6", ip6), ("txt", txt)) if values is not None}
        checked = check_name(name), check_records(given)
        self._network._world.call(self._network._set_records, *checked)

    @commanded(
        "network",
        "network_zone_dnsaddr bootstrap.example alice,bob",
        worlds="mock",
        takes={"name": "DomainName", "entries": "Addresses"},
    )
    def dnsaddr(self, name: str, entries: Sequence[Any]) -> None:
        """Say what ``/dnsaddr/name`` stands for, as TXT records of ``_dnsaddr.name``.

        Args:
            name: such as bootstrap.example
            entries: nodes, names of nodes, or multiaddrs, which may begin with names again

        Raises:
            ValidationError, AddressError, UnknownNodeError: one of them is none.
        """
        addresses = []
        for entry in [entries] if isinstance(entries, str) else list_of(entries, "entries", "[alice, bob]"):
            if isinstance(entry, str) and entry.startswith("/"):
                addresses.append(entry)
            else:
                addresses += self._network._host(self._network._name(entry)).addresses
        texts = check_records({"txt": dnsaddr_texts(addresses)})
        self._network._world.call(self._network._set_records, f"_dnsaddr.{check_name(name)}", texts)

    @commanded(
        "network",
        "network_zone_set bootstrap.example ip4=192.0.2.1; network_zone_remove bootstrap.example",
        worlds="mock",
        result="removed",
        takes={"name": "DomainName"},
    )
    def remove(self, name: str) -> bool:
        """Take a name out of the zone.

        Args:
            name: such as bootstrap.example; ``_dnsaddr.bootstrap.example`` for what ``dnsaddr`` said

        Returns:
            Whether it was there.
        """
        return self._network._world.call(self._network._remove_name, check_name(name))

    @commanded(
        "network",
        "network_zone_set bootstrap.example ip4=192.0.2.1; network_zone_all",
        worlds="mock",
        result="names",
    )
    def all(self) -> dict[str, dict[str, list[str]]]:
        """List every name with its records, by kind (``ip4``, ``ip6``, ``txt``)."""
        return self._network._world.read(self._network._zone.all)

    def __repr__(self) -> str:
        return f"<Zone: {plural(len(self._network._zone.all()), 'name')}>"


class ZoneServer:
    """Implements ``NameServer`` on the zone: an answer takes 20 ms."""

    def __init__(self, world: MockWorld) -> None:
        self._world = world

    async def addresses(self, name: str, version: int) -> Sequence[str]:
        await self._world.runtime.sleep(ANSWER)
        return self._world.network._zone.find(name, f"ip{version}")

    async def texts(self, name: str) -> Sequence[str]:
        await self._world.runtime.sleep(ANSWER)
        return self._world.network._zone.find(name, "txt")
