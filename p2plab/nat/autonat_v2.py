"""AutoNAT v2 (autonat/autonat-v2.md): whether one address is reachable, by having it dialled and a nonce said there.

The client believes the nonce, not the server's word: an answer of OK without the nonce having come is a lie. The server
dials one address, the first it is willing to; where that is not the IP address it sees the client at, the client pays
with 30 to 100 kB first, so that nobody can have others attacked for free.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from p2plab.errors import DialError, ProtocolViolation
from p2plab.identity.address import Address, parse_address
from p2plab.nat.autonat_v2_messages import (
    DIAL_REQUEST_ID,
    MAX_CHUNK,
    MAX_MESSAGE,
    DialDataRequest,
    DialDataResponse,
    DialRequest,
    DialResponse,
    DialStatus,
    ResponseStatus,
    decode_dial_back,
    decode_message,
    encode_dial_back,
    encode_dial_back_response,
    encode_message,
    indexed,
)
from p2plab.nat.publicness import is_public
from p2plab.nat.requests import RequestLimits
from p2plab.stream import NetStream, StreamError
from p2plab.typing import Chance, PeerId, Runtime

__all__ = ["AutoNatV2Server", "Nonces", "Probe", "probe", "say_nonce"]

DATA_FROM: Final = 30_000  # bytes that another IP address costs, at least and at most
DATA_TO: Final = 100_000


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of asking: the address that was tried, and whether it is reachable. ``reachable`` is None where the
    server did not say, or what it said cannot be believed; ``reason`` has the words."""

    address: str | None
    reachable: bool | None
    reason: str


class Nonces:
    """The nonces a client waits for, and those that came. Answers ``/libp2p/autonat/2/dial-back``.

    A dial back is known by its nonce, not by its peer: a server may dial with another identity.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, bool] = {}

    def expect(self, nonce: int) -> None:
        """A request with this nonce is under way."""
        self._waiting[nonce] = False

    def finish(self, nonce: int) -> bool:
        """It is over; whether the nonce has come."""
        return self._waiting.pop(nonce, False)

    async def handle(self, stream: NetStream) -> None:
        data = await stream.read_message(MAX_MESSAGE)
        if data is None:
            return  # it said nothing
        nonce = decode_dial_back(data)
        if nonce not in self._waiting:
            await stream.reset()
            return
        self._waiting[nonce] = True
        await stream.write_message(encode_dial_back_response())


async def probe(stream: NetStream, nonces: Nonces, addresses: Sequence[str], draws: Chance) -> Probe:
    """Ask a server about addresses, the most important first: the stream is fresh, and closed afterwards.

    ProtocolViolation for an answer that is none, StreamError.
    """
    asked = [parse_address(text).with_peer(None) for text in addresses]
    nonce = draws.getrandbits(64)
    nonces.expect(nonce)
    async with stream:
        try:
            await stream.write_message(encode_message(DialRequest(tuple(asked), nonce)))
            answer = await _answer(stream)
            if isinstance(answer, DialDataRequest):
                indexed(asked, answer.index)
                await _pay(stream, answer.size)
                answer = await _answer(stream)
            if not isinstance(answer, DialResponse):
                raise ProtocolViolation(f"{stream.peer!r} asked for data twice")
        finally:
            came = nonces.finish(nonce)
        if answer.status != ResponseStatus.OK:
            return Probe(None, None, answer.status.name)
        tried = indexed(asked, answer.index)
        if answer.dial == DialStatus.OK:
            if came:
                return Probe(tried.base, True, "OK")
            return Probe(tried.base, None, "the server says OK, and no nonce came")
        if answer.dial == DialStatus.E_DIAL_ERROR:
            return Probe(tried.base, False, answer.dial.name)
        return Probe(tried.base, None, answer.dial.name)


async def _answer(stream: NetStream) -> DialResponse | DialDataRequest:
    data = await stream.read_message(MAX_MESSAGE)
    if data is None:
        raise ProtocolViolation(f"{stream.peer!r} closed the stream without an answer about reachability")
    answer = decode_message(data)
    if not isinstance(answer, (DialResponse, DialDataRequest)):
        raise ProtocolViolation(f"{stream.peer!r} answered a dial request with a {type(answer).__name__}")
    return answer


async def _pay(stream: NetStream, size: int) -> None:
    if size > DATA_TO:
        raise ProtocolViolation(f"{stream.peer!r} wants {size} bytes for a dial; at most {DATA_TO} are sent")
    chunk = encode_message(DialDataResponse(bytes(MAX_CHUNK)))
    for _ in range(-(-size // MAX_CHUNK)):
        await stream.write_message(chunk)


async def say_nonce(stream: NetStream, nonce: int) -> None:
    """The server's word on the connection that it dialled. ProtocolViolation where it is not taken, StreamError."""
    async with stream:
        await stream.write_message(encode_dial_back(nonce))
        await stream.close_write()
        if await stream.read_message(MAX_MESSAGE) is None:
            raise ProtocolViolation(f"{stream.peer!r} did not take the nonce")


class AutoNatV2Server:
    """Answers ``/libp2p/autonat/2/dial-request``.

    ``dial(peer, address, nonce)`` dials by a connection that is new, from a port that does not listen, and says the
    nonce there: DialError where it cannot connect, ProtocolViolation or StreamError where the nonce was not taken.
    Limits are go-libp2p's: 60 requests a minute, 12 of one peer, 2 at once. ``private``: whether a private address is
    dialled too, if its IP address is the one that the client is seen at, as a lab on the loopback needs.
    """

    def __init__(
        self,
        runtime: Runtime,
        dial: Callable[[PeerId, Address, int], Awaitable[None]],
        record: Callable[..., object],
        limits: RequestLimits | None = None,
        private: bool = False,
        node: str = "",
    ) -> None:
        self._runtime = runtime
        self._node = node
        self._dial = dial
        self._record = record
        self._limits = limits or RequestLimits(60, 12, at_once=2)
        self._private = private

    async def handle(self, stream: NetStream) -> None:
        data = await stream.read_message(MAX_MESSAGE)
        if data is None:
            return  # it asked nothing
        request = decode_message(data)
        if not isinstance(request, DialRequest):
            raise ProtocolViolation(f"{stream.peer!r} began with a {type(request).__name__}")
        refusal = self._limits.refusal(stream.peer, self._runtime.ticks())
        if refusal is not None:
            await self._say(stream, DialResponse(ResponseStatus.E_REQUEST_REJECTED), refusal)
            return
        try:
            await self._serve(stream, request)
        finally:
            self._limits.done()

    async def _serve(self, stream: NetStream, request: DialRequest) -> None:
        seen_at = parse_address(stream.connection.remote_address).ip
        chosen = next(
            (
                (index, address)
                for index, address in enumerate(request.addresses)
                if address is not None and address.ip is not None and not address.relayed
                if is_public(address) or (self._private and address.ip == seen_at)
            ),
            None,
        )
        if chosen is None:
            await self._say(stream, DialResponse(ResponseStatus.E_DIAL_REFUSED), "no public address among them")
            return
        index, address = chosen
        if stream.connection.relayed or address.ip != seen_at:
            size = DATA_FROM + self._runtime.random(f"autonat.data/{self._node}").randrange(DATA_TO - DATA_FROM)
            await stream.write_message(encode_message(DialDataRequest(index, size)))
            await self._collect(stream, size)
        try:
            await self._dial(stream.peer, address, request.nonce)
        except DialError as error:
            dial, text = DialStatus.E_DIAL_ERROR, str(error)
        except (ProtocolViolation, StreamError) as error:
            dial, text = DialStatus.E_DIAL_BACK_ERROR, str(error)
        else:
            dial, text = DialStatus.OK, ""
        await self._say(stream, DialResponse(ResponseStatus.OK, index, dial), text, address)

    async def _collect(self, stream: NetStream, size: int) -> None:
        """Take what the dial costs. The last chunk may be larger than what is missing (autonat-v2.md)."""
        missing = size
        while missing > 0:
            data = await stream.read_message(MAX_MESSAGE)
            if data is None:
                raise ProtocolViolation(f"{stream.peer!r} paid {size - missing} of {size} bytes")
            part = decode_message(data)
            if not isinstance(part, DialDataResponse) or not part.data:
                raise ProtocolViolation(f"{stream.peer!r} sent a {type(part).__name__} instead of data")
            missing -= len(part.data)

    async def _say(self, stream: NetStream, answer: DialResponse, text: str, address: Address | None = None) -> None:
        reason = answer.status.name if answer.status != ResponseStatus.OK else answer.dial.name
        data: dict[str, object] = {"protocol": DIAL_REQUEST_ID, "status": reason}
        if text:
            data["text"] = text
        if address is not None:
            data["address"] = address.base
        self._record("autonat.served", stream.peer, reason, data)
        await stream.write_message(encode_message(answer))
