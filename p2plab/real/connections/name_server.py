"""The names of the real world, as the system resolves them.

IP addresses come from ``getaddrinfo``, which knows /etc/hosts and what else the system is told; TXT records, which it
does not know, from dnspython, which asks the servers of /etc/resolv.conf.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.resolver
import trio

from p2plab.errors import ResolutionError

__all__ = ["SystemNames"]

PATIENCE: Final = 5.0  # seconds
MOST: Final = 1_000  # records of one answer that are looked at


class SystemNames:
    """Implements ``NameServer``. ``servers``: (IP address, port) of name servers for TXT records, instead of the
    system's."""

    def __init__(self, servers: Sequence[tuple[str, int]] | None = None) -> None:
        self._servers = servers

    async def addresses(self, name: str, version: int) -> Sequence[str]:
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        try:
            with trio.fail_after(PATIENCE):
                found = await trio.socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
        except trio.TooSlowError:
            raise ResolutionError(f"no name server: nothing about {name} within {PATIENCE:g} s") from None
        except (OSError, UnicodeError) as error:
            known = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
            raise ResolutionError(f"{'no name server' if known else 'name not found'}: {name}: {error}") from error
        texts = [str(entry[4][0]).partition("%")[0] for entry in found[:MOST]]
        return list(dict.fromkeys(str(ipaddress.ip_address(text)) for text in texts))

    async def texts(self, name: str) -> Sequence[str]:
        try:
            answer = await self._resolver().resolve(name, "TXT", lifetime=PATIENCE)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
            raise ResolutionError(f"name not found: {name}: {error}") from error
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise ResolutionError(f"no name server: {name}: {str(error) or type(error).__name__}") from error
        records = [b"".join(record.strings) for record in list(answer)[:MOST]]
        return [record.decode("utf-8", "replace") for record in records]

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._servers is None:
            return dns.asyncresolver.Resolver()
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [address for address, _ in self._servers]
        resolver.nameserver_ports = dict(self._servers)
        return resolver
