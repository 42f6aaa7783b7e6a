"""Addresses of machines outside a real lab: in a file that is handed over, each is a name in its place.

Everything that names the same machine gets the same name, so that a reader still sees who was dialled twice. Peer ids
stay: who is meant is what a bug report is about.
"""

from __future__ import annotations

import gzip
import ipaddress
import re
from typing import Final

__all__ = ["Outside"]

# A host within a multiaddr, up to the next slash, quote or space.
_HOST: Final = re.compile(r"/(ip4|ip6|dns|dns4|dns6|dnsaddr)/([^/\"'\s\\,)\]]+)")
_WORD: Final = r"(?<![\w.:-]){}(?![\w-]|[.:]\w)"


class Outside:
    """Finds hosts that are not this machine, and puts names in their places. ``hosts`` has those found so far."""

    def __init__(self) -> None:
        self.hosts: dict[str, str] = {}

    def left_out(self, text: str) -> str:
        """The text without hosts outside: in multiaddrs, and wherever else the same host stands by itself."""
        for _, host in _HOST.findall(text):
            if not _is_here(host):
                self.hosts.setdefault(host, f"outside-{len(self.hosts) + 1}.invalid")
        text = _HOST.sub(self._named, text)
        for host, name in sorted(self.hosts.items(), key=lambda pair: -len(pair[0])):
            if host in text:
                text = re.sub(_WORD.format(re.escape(host)), name, text)
        return text

    def _named(self, found: re.Match[str]) -> str:
        name = self.hosts.get(found[2])
        return found[0] if name is None else f"/dns/{name}"

    def left_out_of_log(self, log: bytes) -> bytes:
        """The same of a log as it is saved, compressed."""
        text = gzip.decompress(log).decode("utf-8", "surrogatepass")
        cleaned = self.left_out(text)
        return log if cleaned == text else gzip.compress(cleaned.encode("utf-8", "surrogatepass"), mtime=0)


def _is_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified
