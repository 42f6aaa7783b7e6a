# Made of p2plab/api/aio/content_files.py by `python p2plab/api/generate.py`: change that file and run it again.

"""What of ``node.content`` meets files: folders and CAR files, a file read piece by piece, and a gateway."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

from p2plab.api.aio.content_files import PIECE
from p2plab.api.arguments import check_port
from p2plab.api.faces.content import ContentFace, ReaderFace, content_path, name_for
from p2plab.errors.checked import flag, path_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from p2plab.host.content.serving import Gateway
    from p2plab.identity.cid import Cid

__all__ = ["ContentFiles", "ContentReader"]


class ContentFiles(ContentFace):
    """What a ``Content`` has for files: ``get``, ``export``, ``import_car``, ``gateway``."""

    def get(self, cid: Cid | str, to: str | os.PathLike[str] = ".") -> Path:
        """Write a file or a whole directory into a folder, and never outside of it.

        Args:
            cid: of what is to be written, perhaps with names behind it
            to: the folder, which is made if need be

        Returns:
            The path of what was written: in the folder, by the last name or else by the CID.

        Raises:
            ContentError: a block that is not to be had, a name or symlink that leads outside, a disk that is full;
                nothing is written then.
            ValidationError: there is something at that path already.

        Example:
            >>> cid = alice.content.add(b"hello")
            >>> path = bob.content.get(cid, to=folder)
            >>> path.read_bytes()
            b'hello'
        """
        from p2plab.host.content.files import write_tree

        where, folder = content_path(cid), path_of(to, "the folder to write to")
        fetched = self._world.run(self._inside.fetch, where, None, False)
        return write_tree(self._block_of, fetched.cid, folder, name_for(where))

    def export(self, cid: Cid | str, path: str | os.PathLike[str], version: int = 1) -> Path:
        """Write all blocks that a CID leads to into a CAR file, each once, parents first.

        Args:
            cid: the root
            path: the file, which is written anew
            version: 1, or 2, which has an index

        Returns:
            The path.

        Raises:
            ContentError: a block that is not to be had, or a file that cannot be written; nothing is written then.

        Example:
            >>> cid = alice.content.add(b"hello")
            >>> path = alice.content.export(cid, folder / "hello.car")
            >>> path.name
            'hello.car'
        """
        from p2plab.api.faces.content import car_version
        from p2plab.host.content.files import export_car

        wanted, target = car_version(version), path_of(path, "the path of a CAR file")
        fetched = self._world.run(self._inside.fetch, content_path(cid), None, False)
        return export_car(self._block_of, fetched.cid, target, wanted)

    def import_car(self, path: str | os.PathLike[str], pin: bool = True) -> list[Cid]:
        """Keep the blocks of a CAR file of version 1 or 2, each checked against its CID.

        Args:
            path: the file
            pin: whether garbage collection is to leave what its roots lead to

        Returns:
            Its roots.

        Raises:
            ContentError: no CAR file, one that ends early, a block that is not what its CID says, a root without a
                block; nothing of it is kept then.
            ValidationError: no path.

        Example:
            >>> cid = alice.content.add(b"hello")
            >>> path = alice.content.export(cid, folder / "hello.car")
            >>> carol.content.import_car(path) == [cid]
            True
        """
        return self._world.run(
            self._inside.import_car, str(path_of(path, "the path of a CAR file")), flag(pin, "pin")
        )

    def gateway(self, port: int = 0) -> Gateway:
        """Serve the node's content over HTTP on the loopback, as a trustless gateway, for programs such as curl.

        ``/ipfs/CID`` and ``/ipfs/CID/path``, as one block (``?format=raw``) or as a CAR (``?format=car``, with
        ``dag-scope``, ``entity-bytes`` and ``car-dups``). What is not here is fetched. It ends with ``stop_gateway``,
        or with the node.

        Args:
            port: a port of 127.0.0.1; 0 for a free one

        Returns:
            The gateway: ``address`` is its URL. A node has one; called again, it gives that one.

        Raises:
            NotInThisWorldError: in a mock lab, whose nodes nobody outside can reach.
            ConfigurationError: the port cannot be had.
        """
        return cast("Gateway", self._world.run(self._inside.gateway, check_port(port)))


class ContentReader(ReaderFace):
    """A file in blocks, open for reading. ``read`` takes it piece by piece, whatever its size."""

    def read(self, n: int = -1) -> bytes:
        """Read on from where the reader is.

        Args:
            n: the most bytes to read; -1: all that is left

        Returns:
            The bytes; ``b""`` at the end.
        """
        left = self._left(n)
        parts: list[bytes] = []
        while left > 0:
            size = min(left, PIECE)
            part = self._world.run(self._inside.cat, self._cid, self._at, size, size)
            parts.append(part)
            self._at += len(part)
            left -= size
        return b"".join(parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
