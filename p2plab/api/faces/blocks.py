"""``node.content.blocks``: the blocks that a node has, and which of them it keeps. The same in both faces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from p2plab.api.faces.peers import HELLO
from p2plab.commanded import commanded
from p2plab.errors.checked import data_of, flag
from p2plab.errors.frames import Faced
from p2plab.text import plural

if TYPE_CHECKING:
    from p2plab.content.store import Collected
    from p2plab.content.verbs import ContentVerbs
    from p2plab.identity.cid import Cid
    from p2plab.worlds import World

__all__ = ["Blocks"]


class Blocks(Faced):
    """The blocks that a node has. ``len(blocks)``, ``cid in blocks``, ``blocks[cid]`` (bytes), and iteration over CIDs.

    In a lab with ``home=`` they are in an SQLite file there, else in memory. A CID is a ``Cid`` or its text.
    """

    def __init__(self, inside: ContentVerbs, world: World) -> None:
        self._inside = inside
        self._world = world

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return self._world.read(lambda: self._inside.store.size)

    @property
    def pins(self) -> dict[Cid, bool]:
        """What is pinned; by its CID, whether all below it is kept too."""
        return self._world.read(lambda: self._inside.store.pins())

    @commanded("content", "content_blocks_put alice hello")
    def put(self, data: bytes | str, codec: str = "raw", hash: str = "sha2-256", pin: bool = False) -> Cid:
        """Keep one block as it is.

        Args:
            data: its bytes, or text as UTF-8
            codec: raw, dag-pb, dag-cbor or dag-json
            hash: sha2-256, sha2-512, blake2b-256, blake3 or identity
            pin: whether garbage collection is to leave it, and what it leads to

        Returns:
            Its CID.

        Raises:
            ValidationError: another codec or hash, or more than 4 MiB.
            ProtocolViolation: bytes that are not of the codec.

        Example:
            >>> print(alice.content.blocks.put(b"hello"))
            bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq
        """
        return self._world.call(self._inside.put, data_of(data), codec, hash, flag(pin, "pin"))

    def links(self, cid: Cid | str) -> list[Cid]:
        """The CIDs that a block names, in their order.

        Args:
            cid: of a block that is here

        Raises:
            ContentError: it is not here, or of a codec whose links are not known.

        Example:
            >>> folder = alice.content.blocks.put(b"leaf")
            >>> alice.content.blocks.links(folder)
            []
        """
        from p2plab.content.links import links_of
        from p2plab.identity.cid import as_cid

        return links_of(as_cid(cid), self[cid])

    @commanded(
        "content",
        f"content_blocks_put alice hello; content_blocks_pin alice {HELLO}",
        result="pinned",
        echo=("cid",),
    )
    def pin(self, cid: Cid | str, recursive: bool = True) -> bool:
        """Keep a block and all it leads to, until it is unpinned.

        Args:
            cid: of a block that is here
            recursive: false: the block alone

        Returns:
            Whether that is new.

        Raises:
            ContentError: the block is not here.
        """
        return self._world.call(self._inside.pin, str(cid), flag(recursive, "recursive"))

    @commanded("content", f"content_blocks_unpin alice {HELLO}", result="unpinned", echo=("cid",))
    def unpin(self, cid: Cid | str) -> bool:
        """Take a pin away; the blocks stay until garbage is collected.

        Args:
            cid: what was pinned

        Returns:
            Whether it was pinned.
        """
        return self._world.call(self._inside.unpin, str(cid))

    @commanded("content", "content_blocks_collect alice")
    def collect(self) -> Collected:
        """Collect garbage: throw away every block that no pin leads to.

        Returns:
            How many ``blocks`` went, and their ``bytes``.

        Example:
            >>> kept = alice.content.add(b"to be kept")
            >>> cid = alice.content.blocks.put(b"of no use")
            >>> print(alice.content.blocks.collect())
            1 block, 9 bytes thrown away
            >>> kept in alice.content.blocks
            True
        """
        return self._world.call(self._inside.collect)

    def delete(self, *cids: Cid | str) -> Collected:
        """Throw some blocks away.

        Args:
            cids: which; those that are not here are passed over

        Returns:
            How many ``blocks`` went, and their ``bytes``.

        Raises:
            ValidationError: one of them is pinned; nothing is thrown away then.
        """
        return self._world.call(self._inside.delete, [str(cid) for cid in cids])

    def __getitem__(self, cid: Cid | str) -> bytes:
        """The bytes of a block. ContentError where it is not here."""
        return self._world.read(self._inside.block, str(cid))

    def __contains__(self, cid: object) -> bool:
        from p2plab.identity.cid import Cid, as_cid

        if not isinstance(cid, (str, Cid)):
            return False
        which = as_cid(cid)
        return self._world.read(lambda: which in self._inside.store)

    def __iter__(self) -> Iterator[Cid]:
        return iter(self._world.read(lambda: list(self._inside.store.cids())))

    def __len__(self) -> int:
        return self._world.read(lambda: len(self._inside.store))

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        store = self._inside.store
        pins = plural(len(store.pins()), "pin")
        return f"<Blocks: {plural(len(store), 'block')}, {plural(store.size, 'byte')}, {pins}>"
