# Made of p2plab/api/aio/content.py by `python p2plab/api/generate.py`: change that file and run it again.

"""``node.content``: files and directories as blocks that are named by their hash, and back. What takes no lab time
stands in ``ContentFace``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from p2plab.api.aio.content import EVERYWHERE, MOST
from p2plab.api.arguments import check_bytes, check_timeout, peer_argument
from p2plab.api.blocking.content_files import ContentFiles, ContentReader
from p2plab.api.faces.content import adding, as_bytes_or_path, content_path, fetching, whole_if_small
from p2plab.errors.checked import flag

if TYPE_CHECKING:
    from p2plab.api.arguments import Peer
    from p2plab.api.progress import Progress
    from p2plab.content.bitswap import Fetch
    from p2plab.content.reader import DirectoryEntry
    from p2plab.host.content.pinning import Pinned
    from p2plab.host.content.serving import Gateway
    from p2plab.identity.cid import Cid

__all__ = ["Content"]


class Content(ContentFiles):
    """``node.content`` of a Node: a verb that takes lab time returns when it is done.

    A CID is a ``Cid`` or its text, also with names behind it: ``bafy…/docs/a.txt``.
    """

    def add(
        self,
        path_or_bytes: bytes | str | os.PathLike[str],
        profile: str = "unixfs-v1-2025",
        pin: bool = True,
        progress: Progress | bool | None = None,
    ) -> Cid:
        """Make blocks of bytes, a file or a folder, and keep them; no block is sent.

        A folder is added with all that is in it, symlinks as such. A mock lab's history has the bytes of a file of at
        most 16 MiB, and of a larger one, or a folder, the path: a replay reads it again.

        Args:
            path_or_bytes: bytes are the content itself; text is the path of a file or folder
            profile: ``unixfs-v1-2025`` (chunks of 1 MiB, raw leaves, CIDv1) or ``unixfs-v0-2015``, what ``ipfs add``
                does: chunks of 256 KiB, CIDv0 (IPIP-0499)
            pin: whether garbage collection is to leave it
            progress: a function of (bytes done, bytes in all), called inside the lab; True or False to show a line or
                not; left out, a line is shown on a terminal and in a notebook

        Returns:
            The root's CID, which the profile and the bytes alone decide.

        Raises:
            ValidationError: no such file, no such profile.
            ContentError: a file that cannot be read, or that changed meanwhile; no block of it is kept then.
            ConfigurationError: the blocks cannot be written, as on a full disk; no block of it is kept then.

        Example:
            >>> cid = alice.content.add(b"hello")
            >>> print(cid)
            bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq
        """
        content = as_bytes_or_path(path_or_bytes)
        if self._world.backend == "mock":
            content = whole_if_small(content)
        with adding(self._world, self._inside, content, progress):
            return self._world.run(self._inside.add, content, profile, flag(pin, "pin"))

    def cat(self, cid: Cid | str, offset: int = 0, length: int | None = None, limit: int = MOST) -> bytes:
        """Read a file, or a part of it.

        Args:
            cid: of a file, or of a directory with the names that lead to one: ``bafy…/docs/a.txt``
            offset: bytes to skip
            length: the most bytes to read; left out, to the end
            limit: bytes above which it is refused, since all of them are held in memory

        Returns:
            Its bytes.

        Raises:
            ContentError: a directory or a symlink, a name that is not there, a block that is not to be had.
            OverloadedError: more bytes than ``limit``.
            ProtocolViolation: blocks that do not fit together.

        Example:
            >>> cid = alice.content.add(b"hello")
            >>> alice.content.cat(cid, offset=1, length=3)
            b'ell'
        """
        part = None if length is None else check_bytes(length, "length", EVERYWHERE)
        most = check_bytes(limit, "limit", EVERYWHERE)
        begins = check_bytes(offset, "offset", EVERYWHERE)
        return self._world.run(self._inside.cat, content_path(cid), begins, part, most)

    def open(self, cid: Cid | str) -> ContentReader:
        """Open a file to read it piece by piece, as one reads a large one.

        Args:
            cid: of a file, or of a directory with the names that lead to one

        Returns:
            A reader with ``read``, ``seek``, ``tell`` and ``size``, to be used as a binary file is.

        Raises:
            ContentError: a directory or a symlink, a name that is not there, a block that is not to be had.

        Example:
            >>> cid = alice.content.add(b"hello world")
            >>> reader = alice.content.open(cid)
            >>> reader.size, reader.seek(6), reader.read()
            (11, 6, b'world')
        """
        found = self._world.run(self._inside.stat, content_path(cid))
        return ContentReader(self._inside, self._world, found)

    def ls(self, cid: Cid | str, types: bool = True) -> list[DirectoryEntry]:
        """List a directory, sharded or not.

        Args:
            cid: of a directory, perhaps with names behind it
            types: whether the first block of each entry is looked at, which says what it is

        Returns:
            An Entry for each: ``name``, ``cid``, ``size`` and ``type``: ``file`` (its size in bytes), ``directory``,
            ``symlink`` (the size of their blocks); of type None where that was not looked at, or is not to be had.

        Raises:
            ContentError: a file, a name that is not there, a block that is not to be had.
        """
        return self._world.run(self._inside.ls, content_path(cid), flag(types, "types"))

    def fetch(
        self,
        cid: Cid | str,
        timeout: float | None = None,
        pin: bool = False,
        progress: Progress | bool | None = None,
    ) -> Fetch:
        """Get all blocks that a CID leads to from other nodes, by Bitswap, and keep them.

        Connected peers are asked first; where none of them has it, providers are looked for and connected to. Blocks
        that came before it was given up stay. ``cat``, ``open``, ``ls``, ``get`` and ``export`` fetch what they need.

        Args:
            cid: of a file, a directory or any other graph, perhaps with names behind it
            timeout: seconds after which it is given up; left out, when nothing came for 30 seconds
            pin: whether garbage collection is to leave it
            progress: a function of (bytes done, 0), called inside the lab; True or False to show a line or not; left
                out, a line is shown on a terminal and in a notebook

        Returns:
            Fetch: ``blocks`` and ``bytes`` that came, ``duplicates``, ``local`` (blocks that were here), ``by`` (what
            each peer gave), ``path`` (who was asked what, and answered what), ``why()``.

        Raises:
            ContentError: a block that nobody has; ``lab.why(error)`` says who was asked.
            ProtocolViolation: a graph that is too deep, or blocks that are not of their codec.
            TimeoutError: it took longer than ``timeout``.

        Example:
            >>> cid = alice.content.add(b"hello")
            >>> fetched = bob.content.fetch(cid)
            >>> fetched.blocks, fetched.bytes, fetched.duplicates
            (1, 5, 0)
            >>> print(fetched.path[0])
            0.000 s  want-have <Cid bafkreib…hc4yeq raw> of alice (…cXb7Hr): have after 120 ms
        """
        with fetching(self._world, self._inside, progress):
            return self._world.run(
                self._inside.fetch, content_path(cid), check_timeout(timeout), flag(pin, "pin")
            )

    def fetch_from(
        self,
        gateway: Gateway | Peer,
        cid: Cid | str,
        format: str = "car",
        scope: str = "all",
        offset: int = 0,
        length: int | None = None,
        timeout: float | None = None,
        pin: bool = False,
        progress: Progress | bool | None = None,
    ) -> Fetch:
        """Get blocks from a trustless gateway over HTTP, verify each as it comes, and keep them.

        What a gateway sends is believed block by block: a wrong byte, a block that was not asked for or an answer that
        ends early is noticed where it stands. Blocks that came before stay (trustless-gateway; IPIP-402, IPIP-412).

        Args:
            gateway: the address of a server, ``http://127.0.0.1:8080``; or a node that serves its content, or its name;
                or what ``content.gateway()`` gave
            cid: of a file, a directory or any other graph, perhaps with names behind it
            format: ``car``, one request for all of it, verified with the memory of one path where the server gives
                duplicates; or ``raw``, a request for each block that is not here
            scope: ``all`` below it; ``entity``, a whole file or the blocks that list a directory; ``block``, its own
            offset: bytes of a file to skip; asks for scope ``entity``
            length: the most bytes of a file, likewise; left out, to the end
            timeout: seconds after which it is given up; left out, when nothing came for 30 seconds
            pin: whether garbage collection is to leave it; with scope ``all``
            progress: a function of (bytes done, 0), called inside the lab; True or False to show a line or not; left
                out, a line is shown on a terminal and in a notebook

        Returns:
            Fetch: ``blocks`` and ``bytes`` that came, ``duplicates``, ``local`` (blocks that were here), ``path`` (the
            requests), ``why()``.

        Raises:
            ContentError: the server has not got it, or gave something else, or an answer that ends early.
            ProtocolViolation: a graph that is too deep, or blocks that do not fit together.
            NotInThisWorldError: in a mock lab, whose nodes reach nothing outside.
            TimeoutError: it took longer than ``timeout``.
        """
        from p2plab.api.faces.content import gateway_request

        server, form, part, span = gateway_request(
            self._world, gateway, format, scope, offset, length, flag(pin, "pin")
        )
        limit = check_timeout(timeout)
        with fetching(self._world, self._inside, progress):
            return self._world.run(
                self._inside.fetch_from, server, content_path(cid), form, part, span, limit, flag(pin, "pin")
            )

    def sync(
        self,
        peer: Peer,
        cid: Cid | str,
        selector: dict[str, Any] | None = None,
        timeout: float | None = None,
        pin: bool = False,
    ) -> Fetch:
        """Get of one peer what a selector says of a graph, by GraphSync 2.0, and keep it.

        The peer answers in one stream of blocks, where Bitswap asks for each. Every link of its answer is held against
        the selector as it comes, and every block against its link; what is here already is not sent. The peer has to
        speak it: ``serve_graphsync`` has a node of the lab do so, Filecoin's tools do.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            cid: the root
            selector: as ipld.io/specs/selectors has it, in plain dicts and lists; conditions are refused. Left out:
                everything, down to a hundred maps and lists in each other, of which a dag-pb block takes three
            timeout: seconds after which it is given up; left out, when nothing came for 30 seconds
            pin: whether garbage collection is to leave the root, and what is here below it

        Returns:
            Fetch: ``blocks`` and ``bytes`` that came, ``local`` (blocks that were here), ``path``, ``why()``.

        Raises:
            ContentError: the peer has not got all of it, refuses, or answers with something else.
            ValidationError: no selector, or one with a condition.
            StreamError: of kind ``protocol not supported``: it does not speak GraphSync.
            TimeoutError: it took longer than ``timeout``.

        Example:
            >>> cid = alice.content.add(b"hello")
            >>> alice.content.serve_graphsync()
            >>> fetched = bob.content.sync(alice, cid)
            >>> fetched.blocks, fetched.bytes
            (1, 5)
        """
        from p2plab.api.faces.content import selector_value
        from p2plab.host.content.syncing import GraphSyncService
        from p2plab.identity.cid import as_cid

        service = GraphSyncService.of(cast("Any", self._inside).host)
        root, wanted = str(as_cid(cid)), selector_value(selector)
        named = peer_argument(peer, self._world)
        return self._world.run(service.sync, named, root, wanted, check_timeout(timeout), flag(pin, "pin"))

    def pin_at(self, peer: Peer, cid: Cid | str, timeout: float | None = None) -> Pinned:
        """Have another node keep something: a pinner, or any node whose role pins for others (``lab.roles``).

        It fetches all blocks, from here or from whoever has them, pins them, and tells content routing.

        Args:
            peer: a node, a node's name, a peer id or a multiaddr
            cid: the root of what it is to keep
            timeout: seconds after which it is given up; left out, as long as it takes

        Returns:
            Pinned: ``peer``, ``cid``, ``blocks`` and ``bytes`` of what it keeps.

        Raises:
            ContentError: it does not keep that, and says why: no room, or a block that nobody has.
            StreamError: of kind ``protocol not supported``: it keeps nothing for others.

        Example:
            >>> carol.set_role("pinner")
            >>> cid = alice.content.add(b"hello")
            >>> kept = alice.content.pin_at(carol, cid)
            >>> kept.peer, kept.blocks, kept.bytes
            ('carol', 1, 5)
        """
        from p2plab.host.content.pinning import PinningService

        service = PinningService.of(cast("Any", self._inside).host)
        named = peer_argument(peer, self._world)
        return self._world.run(service.ask, named, str(content_path(cid)), check_timeout(timeout))
