"""Private networks (libp2p/specs pnet/Private-Networks-PSK-V1.md): everything that crosses a connection, from its first
byte, goes through a cipher whose key the members know.

The library's own takes Salsa20 and a nonce of 8 bytes, where the spec has XSalsa20 and 24,
and two nodes of different networks wait for each other until a time runs out. Here a connection ends at the first byte
that shows it: what both ends send first, in a network or not, is known.
"""

from __future__ import annotations

import os
from typing import Any, Final

from Crypto.Cipher.Salsa20 import Salsa20Cipher
from libp2p.abc import IRawConnection
from libp2p.network.connection.raw_connection import RawConnection
from multiaddr import Multiaddr

from p2plab.constants import MULTISTREAM_ID
from p2plab.real.transports.private.network_key import NetworkKey
from p2plab.real.transports.private.xsalsa20 import NONCE_SIZE, xsalsa20

__all__ = ["AnotherNetwork", "protected"]

GREETING: Final = bytes([len(MULTISTREAM_ID) + 1]) + f"{MULTISTREAM_ID}\n".encode()  # a multistream message


class AnotherNetwork(Exception):
    """One end is in a private network that the other is not in."""


def protected(connection: IRawConnection, key: NetworkKey | None) -> IRawConnection:
    """The connection as a member of this network, or of none, uses it. Its first read raises AnotherNetwork where the
    peer is not in the same."""
    return _Guarded(connection if key is None else _Enciphered(connection, key), key)


class _Wrapped(RawConnection):
    """A connection over another."""

    def __init__(self, below: IRawConnection) -> None:
        self._conn = below
        self.is_initiator = below.is_initiator

    async def read(self, n: int | None = None) -> bytes:
        return await self._conn.read(n)

    async def write(self, data: bytes) -> None:
        await self._conn.write(data)

    async def close(self) -> None:
        await self._conn.close()

    def get_remote_address(self) -> tuple[str, int] | None:
        return self._conn.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        return self._conn.get_transport_addresses()

    def get_connection_type(self) -> Any:
        return self._conn.get_connection_type()


class _Enciphered(_Wrapped):
    """Each direction begins with the nonce of its cipher."""

    def __init__(self, below: IRawConnection, key: NetworkKey) -> None:
        super().__init__(below)
        self._key = key
        self._reading: Salsa20Cipher | None = None
        self._writing: Salsa20Cipher | None = None

    async def read(self, n: int | None = None) -> bytes:
        if self._reading is None:
            nonce = b""
            while len(nonce) < NONCE_SIZE:
                data = await self._conn.read(NONCE_SIZE - len(nonce))
                if not data:
                    return b""
                nonce += data
                if nonce.startswith(GREETING):  # which is shorter: who is in no network says no more for now
                    raise AnotherNetwork("the peer is in no private network, and this node is")
            self._reading = xsalsa20(self._key.secret, nonce)
        data = await self._conn.read(n)
        return self._reading.decrypt(data) if data else b""

    async def write(self, data: bytes) -> None:
        opening = b""
        if self._writing is None:
            opening = os.urandom(NONCE_SIZE)
            self._writing = xsalsa20(self._key.secret, opening)
        await self._conn.write(opening + self._writing.encrypt(data))


class _Guarded(_Wrapped):
    """Looks whether the peer begins as every libp2p peer does, and then stands aside."""

    def __init__(self, below: IRawConnection, key: NetworkKey | None) -> None:
        super().__init__(below)
        self._key = key
        self._first: bytes | None = None

    async def read(self, n: int | None = None) -> bytes:
        if self._first is None:
            self._first = await self._greeting()
        if not self._first:
            self.read = self._conn.read  # type: ignore[method-assign]
            return await self._conn.read(n)
        data, self._first = (self._first, b"") if n is None else (self._first[:n], self._first[n:])
        return data

    async def _greeting(self) -> bytes:
        """What came first: the greeting, or what is there of it when the connection ends."""
        first = b""
        while len(first) < len(GREETING):
            data = await self._conn.read(len(GREETING) - len(first))
            if not data:
                break
            first += data
            if self._key is not None and not GREETING.startswith(first):
                raise AnotherNetwork("the peer is in another private network, or knows another key")
        if self._key is None and not first.isascii():  # plain text of some sort is a peer's that is no libp2p
            raise AnotherNetwork("the peer is in a private network, and this node is in none; or it is no libp2p")
        return first
