"""AutoNAT v1 (autonat/autonat-v1.md): a peer dials this node back, at the IP address it sees it at and at no other.

The server's rules: no request over a relayed connection, no address at another IP than the observed one, no private
address unless the lab says so, and limits on requests (go-libp2p's: 30 a minute, 3 of one peer).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from p2plab.errors import AddressError, DialError, PeerIdError, ProtocolViolation
from p2plab.identity.address import Address, address_from_bytes, parse_address
from p2plab.identity.keys import peer_id_bytes, peer_id_from_bytes
from p2plab.identity.protobuf import WireClasses
from p2plab.nat.publicness import is_public
from p2plab.nat.requests import RequestLimits
from p2plab.stream import NetStream
from p2plab.text import decoded
from p2plab.typing import PeerId, Runtime

__all__ = ["AUTONAT_V1_ID", "AutoNatV1Server", "DialBackStatus", "DialBackVerdict", "ask_dial_back"]

AUTONAT_V1_ID: Final = "/libp2p/autonat/1.0.0"
MAX_MESSAGE: Final = 8192  # bytes
MAX_ADDRESSES: Final = 16  # go-libp2p's maxPeerAddresses
_TEXT: Final = 256


class DialBackStatus(IntEnum):
    """autonat-v1.md, "RPC messages": enum ResponseStatus."""

    OK = 0
    E_DIAL_ERROR = 100
    E_DIAL_REFUSED = 101
    E_BAD_REQUEST = 200
    E_INTERNAL_ERROR = 300


@dataclass(frozen=True, slots=True)
class DialBackVerdict:
    """What a server answered. ``address`` is the one it reached, ``text`` what it says of a failure."""

    status: DialBackStatus
    address: str | None = None
    text: str = ""


_WIRE: Final = WireClasses(
    "p2plab.autonat1",
    {
        "Message": "int32 type = 1; Dial dial = 2; DialResponse dialResponse = 3",
        "Dial": "PeerInfo peer = 1",
        "PeerInfo": "bytes id = 1; repeated bytes addrs = 2",
        "DialResponse": "int32 status = 1; string statusText = 2; bytes addr = 3",
    },
)


async def ask_dial_back(stream: NetStream, me: PeerId, addresses: Sequence[str]) -> DialBackVerdict:
    """Ask a server to dial ``addresses`` (at most 16 are sent): the stream is fresh, and closed afterwards.

    ProtocolViolation for an answer that is none, or names an address that was not asked about; StreamError.
    """
    async with stream:
        request = _WIRE["Message"](type=0)
        request.dial.peer.id = peer_id_bytes(me)
        asked = [parse_address(text).with_peer(None) for text in addresses[:MAX_ADDRESSES]]
        request.dial.peer.addrs.extend(address.to_bytes() for address in asked)
        await stream.write_message(request.SerializeToString())
        await stream.close_write()
        data = await stream.read_message(MAX_MESSAGE)
        if data is None:
            raise ProtocolViolation(f"{stream.peer!r} closed the stream without an answer about reachability")
        answer = _WIRE.read("Message", data, "AutoNAT message", stream.peer)
        if answer.type != 1 or not answer.HasField("dialResponse"):
            raise ProtocolViolation(f"{stream.peer!r} answered a dial request with a message of type {answer.type}")
        said = answer.dialResponse
        try:
            status = DialBackStatus(said.status)
        except ValueError as error:
            raise ProtocolViolation(f"{stream.peer!r} answered with the unknown status {said.status}") from error
        return DialBackVerdict(status, _reached(said, stream.peer), decoded(said.statusText, _TEXT))


def _reached(said: Any, peer: PeerId) -> str | None:
    if not said.HasField("addr"):
        return None
    try:
        return address_from_bytes(said.addr).base
    except AddressError as error:
        raise ProtocolViolation(f"{peer!r} says it reached what is no address: {error}") from error


class AutoNatV1Server:
    """Answers ``/libp2p/autonat/1.0.0``.

    ``dial(peer, address)`` dials by a connection that is new and from a port that does not listen, hangs up again, and
    raises DialError. ``private``: whether private addresses are dialled too, as a lab on the loopback needs.
    """

    def __init__(
        self,
        runtime: Runtime,
        dial: Callable[[PeerId, Address], Awaitable[None]],
        record: Callable[..., object],
        limits: RequestLimits | None = None,
        private: bool = False,
    ) -> None:
        self._runtime = runtime
        self._dial = dial
        self._record = record
        self._limits = limits or RequestLimits(30, 3)
        self._private = private

    async def handle(self, stream: NetStream) -> None:
        data = await stream.read_message(MAX_MESSAGE)
        if data is None:
            return  # it asked nothing
        refusal = self._limits.refusal(stream.peer, self._runtime.ticks())
        if refusal is not None:
            await self._answer(stream, DialBackStatus.E_DIAL_REFUSED, refusal)
            return
        try:
            await self._serve(stream, data)
        finally:
            self._limits.done()

    async def _serve(self, stream: NetStream, data: bytes) -> None:
        if stream.connection.relayed:
            await self._answer(stream, DialBackStatus.E_DIAL_REFUSED, "no dial back over a relayed connection")
            return
        try:
            asked = self._asked(_WIRE.read("Message", data, "AutoNAT message", stream.peer), stream)
        except (ProtocolViolation, PeerIdError) as error:
            await self._answer(stream, DialBackStatus.E_BAD_REQUEST, str(error))
            return
        if not asked:
            text = "no address at the IP address that you are seen at"
            await self._answer(stream, DialBackStatus.E_DIAL_REFUSED, text)
            return
        failed = ""
        for address in asked:
            try:
                await self._dial(stream.peer, address)
            except DialError as error:
                failed = str(error)
            else:
                await self._answer(stream, DialBackStatus.OK, "", address)
                return
        await self._answer(stream, DialBackStatus.E_DIAL_ERROR, failed[:_TEXT])

    def _asked(self, request: Any, stream: NetStream) -> list[Address]:
        """The addresses that may be dialled, in the order given."""
        if request.type != 0 or not request.HasField("dial") or not request.dial.HasField("peer"):
            raise ProtocolViolation("a dial request without a peer")
        if peer_id_from_bytes(request.dial.peer.id) != stream.peer:
            raise ProtocolViolation("a dial request about another peer")
        observed = parse_address(stream.connection.remote_address).ip
        found = []
        for binary in request.dial.peer.addrs[:MAX_ADDRESSES]:
            try:
                address = address_from_bytes(binary)
            except AddressError:
                continue  # of a kind not known here
            if address.ip == observed and not address.relayed and (self._private or is_public(address)):
                found.append(address)
        return found

    async def _answer(
        self, stream: NetStream, status: DialBackStatus, text: str, address: Address | None = None
    ) -> None:
        data: dict[str, object] = {"protocol": AUTONAT_V1_ID, "status": status.name}
        if text:
            data["text"] = text
        if address is not None:
            data["address"] = address.base
        self._record("autonat.served", stream.peer, status.name, data)
        answer = _WIRE["Message"](type=1)
        answer.dialResponse.status = int(status)
        if text:
            answer.dialResponse.statusText = text
        if address is not None:
            answer.dialResponse.addr = address.with_peer(None).to_bytes()
        await stream.write_message(answer.SerializeToString())
