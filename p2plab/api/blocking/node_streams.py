# Made of p2plab/api/aio/node_streams.py by `python p2plab/api/generate.py`: change that file and run it again.

"""The verbs of a node for protocols: streams, requests, and how fast bytes cross."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from p2plab.api.arguments import Peer, check_bytes, check_protocols, check_timeout
from p2plab.api.faces.node import NodeFace
from p2plab.constants import MAX_RESPONSE, MAX_TRANSFER
from p2plab.errors.checked import data_of, flag

if TYPE_CHECKING:
    from p2plab.api.progress import Progress
    from p2plab.protocols.perf import Throughput
    from p2plab.stream import BlockingStream, Priority

__all__ = ["NodeStreams"]


class NodeStreams(NodeFace):
    """What a ``Node`` has for streams: ``open_stream``, ``request``, ``perf``."""

    def open_stream(
        self,
        peer: Peer,
        protocols: str | Sequence[str],
        lazy: bool = False,
        priority: Priority | None = None,
    ) -> BlockingStream:
        """Open a stream to a peer; it is dialled if need be.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            protocols: a protocol id or several, the most wanted first; the first that the peer answers is agreed
                (multistream-select). A range of versions, ``/chat/1.x``, gives the highest that both speak
            lazy: save the round trip: the first protocol is assumed, and a refusal comes with the first read
            priority: ``"control"``, ``"interactive"`` (the default), ``"bulk"`` or a weight from 1 to 1000: its share
                of a busy line

        Returns:
            The stream; see its ``read``, ``write`` and ``close``.

        Raises:
            StreamError: of kind ``protocol not supported`` if the peer answers none of them.

        Example:
            >>> async def echo(stream):
            ...     await stream.write(await stream.read())
            >>> bob.handle("/echo/1.0.0", echo)
            >>> stream = alice.open_stream(bob, "/echo/1.0.0")
            >>> stream.write(b"hello")
            >>> stream.read()
            b'hello'
        """
        from p2plab.stream import BlockingStream

        wanted = check_protocols(protocols)
        stream = self._world.run(self._host.open_stream, self._peer(peer), wanted, flag(lazy, "lazy"), priority)
        return BlockingStream(stream, self._world)

    def request(
        self,
        peer: Peer,
        protocol: str | Sequence[str],
        data: bytes | str,
        timeout: float | None = None,
        limit: int = MAX_RESPONSE,
    ) -> bytes:
        """Send a peer one request and get its one response; it is dialled if need be.

        Each request has a stream of its own, and every message its length in front, as in rust-libp2p and py-libp2p.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            protocol: a protocol id that the peer answers with ``handle_request``
            data: the request: bytes, or text as UTF-8
            timeout: seconds after which it is given up; 10 if left out
            limit: the most bytes that a response may have (10 MiB)

        Returns:
            The response, bytes.

        Raises:
            StreamError: of kind ``limit`` for a response that is too large, ``reset`` if the handler raised,
                ``protocol not supported`` if there is none.

        Example:
            >>> async def shout(request, peer):
            ...     return request.upper()
            >>> bob.handle_request("/shout/1.0.0", shout)
            >>> alice.request(bob, "/shout/1.0.0", "hello")
            b'HELLO'
        """
        wanted, payload = check_protocols(protocol), data_of(data)
        named, most = self._peer(peer), check_bytes(limit, "limit", MAX_TRANSFER)
        return self._world.run(self._host.request, named, wanted, payload, check_timeout(timeout), most)

    def perf(
        self,
        peer: Peer,
        upload: int = 1 << 20,
        download: int = 1 << 20,
        timeout: float | None = None,
        progress: Progress | bool | None = None,
    ) -> Throughput:
        """Measure how fast bytes cross to a peer and back; it is dialled if need be.

        A node of this lab answers ``/perf/1.0.0`` (perf/perf.md) from then on; of others, only those that speak it do.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            upload: bytes to send
            download: bytes to fetch
            timeout: seconds after which it is given up; 300 if left out
            progress: a function of (bytes done, bytes in all), called inside the lab; True or False to show a line or
                not; left out, a line is shown on a terminal and in a notebook

        Returns:
            Throughput: seconds and bytes a second each way.

        Example:
            >>> measured = alice.perf(bob, upload=100_000, download=0)
            >>> measured.upload_seconds
            0.04
        """
        from p2plab.api.progress import perf_progress

        sizes = check_bytes(upload, "upload", MAX_TRANSFER), check_bytes(download, "download", MAX_TRANSFER)
        named, limit = self._peer(peer), check_timeout(timeout)
        with perf_progress(self._world, self._host, sum(sizes), progress):
            return self._world.run(self._host.perf, named, *sizes, limit)
