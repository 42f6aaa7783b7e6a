"""``node.routing`` at a node: its content routers, asked together or in order, in every world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from p2plab.errors import ConfigurationError, LabError, ValidationError
from p2plab.errors.likely import did_you_mean
from p2plab.host.content.reputation import ReputationService
from p2plab.host.http import HttpService
from p2plab.host.names import peer_id_of
from p2plab.host.routing.routers import DhtRouter, LocalRouter, OwnRouter
from p2plab.host.routing.serving import RoutingResponder
from p2plab.host.service import HostService
from p2plab.identity.address import parse_address
from p2plab.identity.cid import Cid, as_cid
from p2plab.identity.keys import peer_id_bytes
from p2plab.kademlia.shell.dht import value_bytes, wanted_count
from p2plab.kademlia.storage.records import key_text, record_key
from p2plab.routing.composition import ORDERS, AskRouter, Composition, Ended, Order
from p2plab.routing.index import ProviderIndex
from p2plab.routing.result import RoutedLookup
from p2plab.routing.router import VERBS, RouterFinding, verbs_of
from p2plab.typing import PeerId, PeerInfo, Waiter

if TYPE_CHECKING:
    from p2plab.host.host import Host

__all__ = ["RoutingServer", "RoutingService"]

MAX_PROVIDERS: Final = 20  # that end a search, as in the DHT
MAX_ROUTERS: Final = 16


class RoutingService(HostService):
    """``index`` is what it knows itself. Its routers are ``local`` and ``dht`` until others are named."""

    kind = "routing"

    def __init__(self, host: Host[Any]) -> None:
        super().__init__(host)
        self.index = ProviderIndex()
        self.order: Order = "parallel"
        self.timeout: float | None = None  # seconds that a router is waited for
        self._routers: dict[str, Any] = {"local": LocalRouter(self), "dht": DhtRouter(host)}
        self._searches: dict[int, _Search] = {}  # under way
        self._number = 0
        self.server: RoutingServer | None = None

    @property
    def reputation(self) -> ReputationService:
        """What the node has seen of those it took content from."""
        return ReputationService.of(self.host)

    # -- which routers

    @property
    def routers(self) -> Mapping[str, Any]:
        """The routers by name, in their order."""
        return self._routers

    def set_routers(self, routers: Sequence[Any], order: str | None, timeout: float | None) -> None:
        """Ask these from now on. ValidationError, ConfigurationError; nothing has changed then."""
        if order is not None and order not in ORDERS:
            raise ValidationError(f"order={order!r}: routers are asked {' or '.join(ORDERS)}")
        if not 0 < len(routers) <= MAX_ROUTERS:
            raise ValidationError(f"a node asks 1 to {MAX_ROUTERS} routers, not {len(routers)}")
        named: dict[str, Any] = {}
        for given in routers:
            name, router = self._router(given)
            if name in named:
                raise ValidationError(f"two routers are called {name!r}: give one of them another name")
            named[name] = router
        self._routers = named
        if order is not None:
            self.order = order  # type: ignore[assignment]  # it is one of ORDERS
        self.timeout = timeout
        self.host.record("routing.routers", reason="requested", data={"routers": list(named), "order": self.order})

    def _router(self, given: Any) -> tuple[str, Any]:
        """The name of a router, and what is asked. Raises ValidationError."""
        if isinstance(given, str):
            known: dict[str, Callable[[], Any]] = {
                "local": lambda: LocalRouter(self),
                "dht": lambda: DhtRouter(self.host),
            }
            if given.startswith(("http://", "https://")):
                router = self.host.http_router(given)
                return router.name, self._routers.get(router.name, router)
            if given not in known:
                meant = did_you_mean(given, known)
                raise ValidationError(
                    f"no router is called {given!r}; {meant}there are {', '.join(known)}, and servers by their URL"
                )
            return given, self._routers.get(given) or known[given]()
        name = getattr(given, "name", None)
        if not isinstance(name, str) or not 0 < len(name) <= 64 or not name.isprintable() or isinstance(given, type):
            raise ValidationError(
                f"a router is 'local', 'dht', a URL, or an object with a name (1 to 64 characters), not {given!r}"
            )
        if not verbs_of(given):
            raise ValidationError(f"the router {name!r} has none of the verbs {', '.join(VERBS)}")
        return name, OwnRouter(self, given)

    # -- the verbs

    async def find_providers(
        self, cid: str | bytes | Cid, count: int | None = None, timeout: float | None = None
    ) -> RoutedLookup:
        wanted, place = wanted_count(count, MAX_PROVIDERS), as_cid(cid)
        calls = self._calls("find_providers", place, wanted)
        return await self._search("find_providers", place.multihash, calls, timeout, wanted)

    async def find_peer(self, peer: str, timeout: float | None = None) -> RoutedLookup:
        peer_id = peer_id_of(self.host, peer)
        if peer_id == self.host.peer_id:
            raise ValidationError(f"{peer_id!r} is the node that was asked: it need not be looked for")
        return await self._search("find_peer", peer_id_bytes(peer_id), self._calls("find_peer", peer_id), timeout)

    async def provide(self, cid: str | bytes | Cid, timeout: float | None = None) -> RoutedLookup:
        place = as_cid(cid)
        return await self._search("provide", place.multihash, self._calls("provide", place), timeout)

    async def get(self, key: str | bytes, timeout: float | None = None) -> RoutedLookup:
        place = record_key(key)
        return await self._search("get", place, self._calls("get", place), timeout)

    async def put(self, key: str | bytes, value: bytes | str, timeout: float | None = None) -> RoutedLookup:
        place, data = record_key(key), value_bytes(value)
        return await self._search("put", place, self._calls("put", place, data), timeout)

    def stop_providing(self, cid: str | bytes | Cid) -> bool:
        """Do not announce it again; whether the node did."""
        place = as_cid(cid)
        here = self.index.remove(place.multihash, self.host.peer_id)
        return self.host.dht_verbs.stop_providing(place) or here

    def remember(self, cid: str | bytes | Cid, peer: str, addresses: Sequence[str], seconds: float | None) -> None:
        """Put a provider into the local index."""
        place, peer_id = as_cid(cid), peer_id_of(self.host, peer)
        bases = [parse_address(address).base for address in addresses]
        self.index.add(place.multihash, peer_id, bases, self.host.world.runtime.ticks(), seconds)

    def provided(self) -> list[bytes]:
        """The multihashes of what the node itself provides."""
        return self.index.of(self.host.peer_id, self.host.world.runtime.ticks())

    # -- over HTTP

    async def serve(self, port: int) -> RoutingServer:
        """Answer over HTTP at a port of the loopback (0: a free one).
        Raises NotInThisWorldError, ConfigurationError."""
        await self.host.awake()
        if self.server is None or self.server.closed:
            listening = await self.host.serve_http(RoutingResponder(self).respond, port)
            self.server = RoutingServer(self.host.name, listening)
            self.host.record("routing.serving", reason="requested", data={"address": self.server.address})
        return self.server

    def stop_serving(self) -> None:
        """Answer over HTTP no longer."""
        server, self.server = self.server, None
        if server is not None:
            server.listening.close()

    async def answer_providers(
        self, cid: Cid, count: int, timeout: float, told: Callable[[RouterFinding], None] | None = None
    ) -> RoutedLookup:
        """For those who ask over HTTP; ``told`` is given what each router found, as it comes."""
        calls = self._calls("find_providers", cid, count, here=True)
        return await self._search("find_providers", cid.multihash, calls, timeout, count, told)

    async def answer_peer(self, peer: PeerId, timeout: float) -> RoutedLookup:
        calls = self._calls("find_peer", peer, here=True)
        return await self._search("find_peer", peer_id_bytes(peer), calls, timeout)

    async def answer_get(self, place: bytes, timeout: float) -> RoutedLookup:
        return await self._search("get", place, self._calls("get", place, here=True), timeout)

    async def answer_put(self, place: bytes, value: bytes, timeout: float) -> RoutedLookup:
        return await self._search("put", place, self._calls("put", place, value, here=True), timeout)

    # -- asking

    def _calls(
        self, verb: str, *arguments: Any, here: bool = False
    ) -> dict[str, Callable[[], Awaitable[RouterFinding]]]:
        """What to call of each router that has the verb, ``here``: and does not ask over HTTP itself.
        ConfigurationError where none has."""
        able = {
            name: router
            for name, router in self._routers.items()
            if verb in verbs_of(router) and not (here and name.startswith("http"))
        }
        if not able:
            raise ConfigurationError(
                f"none of {self.host.name}'s routers ({', '.join(self._routers)}) has {verb}; node.routing.use(...) "
                "names others"
            )
        return {name: partial(getattr(router, verb), *arguments) for name, router in able.items()}

    async def _search(
        self,
        kind: str,
        key: bytes,
        calls: Mapping[str, Callable[[], Awaitable[RouterFinding]]],
        timeout: float | None,
        wanted: int = 0,
        told: Callable[[RouterFinding], None] | None = None,
    ) -> RoutedLookup:
        host, runtime = self.host, self.host.world.runtime
        await host.awake()
        self.use()
        self._number += 1
        search = _Search(self, self._number, Composition(kind, list(calls), self.order, wanted), key, calls, told)
        self._searches[search.number] = search
        try:
            await runtime.within(timeout, search.run)
        except TimeoutError:
            search.over("lookup timeout")
        finally:
            self._searches.pop(search.number, None)
            search.over("stopped")  # nothing, unless whoever waited was cancelled
        return search.result()

    def peer_info(self, given: Any) -> PeerInfo:
        """What a router gave for a peer, as a PeerInfo. Raises ValidationError, PeerIdError, UnknownNodeError."""
        if isinstance(given, PeerInfo):
            return given
        peer_id = getattr(given, "peer_id", given)
        if not isinstance(peer_id, str):
            raise ValidationError(f"a peer is a PeerInfo, a node, its name or a peer id, not {given!r}")
        return self.host.info_of(peer_id_of(self.host, peer_id))

    # -- coming and going

    def went_down(self) -> None:
        for search in list(self._searches.values()):
            search.over("stopped")

    def came_back(self, kept: bool) -> None:
        if not kept:
            self.index.keep_only(None)
        if self.server is not None:
            port, self.server = self.server.port, None
            self.host.spawn(partial(self.serve, port), f"{self.host.name} serving its content routing again")


class RoutingServer(HttpService):
    """A node's content routing over HTTP (ipfs/specs routing/http-routing-v1)."""

    path = "/routing/v1"


class _Search:
    """One question under way: the core, and what carries out what it wants."""

    def __init__(
        self,
        service: RoutingService,
        number: int,
        core: Composition,
        key: bytes,
        calls: Mapping[str, Callable[[], Awaitable[RouterFinding]]],
        told: Callable[[RouterFinding], None] | None,
    ) -> None:
        self.number = number
        self._service = service
        self._host = service.host
        self._runtime = service.host.world.runtime
        self._core = core
        self._key = key
        self._calls = calls
        self._told = told
        self._ref = f"routing-{service.host.index}-{number}"
        self._done: Waiter = self._runtime.waiter()
        self._started = self._ended = self._runtime.ticks()
        self._event = -1
        self._refusals: list[ValidationError] = []

    async def run(self) -> None:
        core = self._core
        data = {"kind": core.kind, "key": key_text(self._key), "routers": list(self._calls), "order": core.order}
        self._host.world.events.continue_from(self._record("routing.lookup", None, data))
        self._carry_out(core.begin(self._started))
        await self._done.wait()

    def over(self, reason: str) -> None:
        """It is given up, if it is not over yet."""
        self._carry_out(self._core.stop(reason))

    def result(self) -> RoutedLookup:
        """What it came to. ValidationError where every router found the question itself at fault."""
        answered = self._core.standings.values()
        if self._refusals and len(self._refusals) == len(answered):
            raise self._refusals[0]
        found = RoutedLookup(self._core, self._key, self._ref, self._event, self._started, self._ended)
        host = self._host
        for info in (*found.providers, *(() if found.peer is None else (found.peer,))):
            # Where those of the lab are, the lab knows; of others this is how they can be dialled.
            if info.addresses and host.world.find(info.peer_id) is None and host.world.outsider(info.peer_id) is None:
                bases = [parse_address(address).base for address in info.addresses]
                host.book.add(str(info.peer_id), bases, by="routing")
        return found

    def _carry_out(self, effects: Sequence[AskRouter | Ended]) -> None:
        for effect in effects:
            if isinstance(effect, AskRouter):
                self._host.spawn(partial(self._ask, effect.router), f"{self._host.name} asking {effect.router}")
            else:
                self._ended = self._runtime.ticks()
                found = sum(one.finding is not None and one.finding.found for one in self._core.standings.values())
                data = {"kind": self._core.kind, "routers": len(self._calls), "found": found}
                self._event = self._record("routing.done", effect.reason, data)
                self._done.set()

    async def _ask(self, router: str) -> None:
        core, limit = self._core, self._service.timeout
        try:
            finding = await self._runtime.within(limit, self._calls[router])
        except TimeoutError as error:
            self._failed(router, "router timeout", str(error))
            return
        except ValidationError as error:
            self._refusals.append(error)
            self._failed(router, "router refused", str(error))
            return
        except LabError as error:
            self._failed(router, "router failed", str(error))
            return
        if core.reason is None:
            data = {"router": router, "providers": len(finding.providers), "found": finding.found}
            self._record("routing.answer", None, data)
            if self._told is not None:
                self._told(finding)
            self._carry_out(core.answered(router, finding, self._runtime.ticks()))

    def _failed(self, router: str, reason: str, text: str) -> None:
        if self._core.reason is None:
            self._record("routing.failed", reason, {"router": router, "text": text[:300]})
            self._carry_out(self._core.failed(router, reason, text, self._runtime.ticks()))

    def _record(self, kind: str, reason: str | None, data: dict[str, Any]) -> int:
        return self._host.world.events.record(kind, self._host.index, reason=reason, ref=self._ref, data=data)
