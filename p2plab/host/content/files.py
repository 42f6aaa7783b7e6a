"""Files and folders of this machine: read to make blocks of, and written from blocks.

Rules:
- What is read is read to its end, and refused if it changed meanwhile: the CID would be that of no file there ever was.
- Nothing is written outside the folder that was given, whatever names and symlinks the blocks hold; and what is written
  is there whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from p2plab.content.car import PRAGMA, Section, car_header, car_section, index_of
from p2plab.content.importer import Block, Profile, import_directory, import_file, import_symlink
from p2plab.content.links import depth_first
from p2plab.content.reader import DirectoryEntry, NeededBlock, list_directory, read_file, stat
from p2plab.content.verbs import Added
from p2plab.errors import ContentError, OverloadedError, ValidationError
from p2plab.events.files.whole_file import replacing
from p2plab.identity.cid import Cid

__all__ = ["blocks_of", "bytes_below", "export_car", "write_tree"]

BlockOf = Callable[[Cid], bytes]
PIECE: Final = 1 << 20  # bytes that are read at a time
MAX_DEPTH: Final = 256  # folders within each other
MAX_ENTRIES: Final = 1_000_000  # files and folders that are written for one CID
_V2_HEADER: Final = 40


# -- reading


def blocks_of(path: Path, profile: Profile, told: Added) -> Iterator[Block]:
    """The blocks of a file or a folder, the root's last; symlinks are added as such, but for ``path`` itself.

    ContentError for what changes while it is read, or is neither file, folder nor symlink; OSError.
    """
    if not path.exists():
        raise ValidationError(f"there is no file or folder {str(path)!r} to add; bytes are added as b'…'")
    yield from _blocks(path, profile, told, follow=True, depth=0)


def _blocks(path: Path, profile: Profile, told: Added, follow: bool, depth: int) -> Iterator[Block]:
    if path.is_symlink() and not follow:
        yield import_symlink(os.readlink(path), profile)
    elif path.is_file():
        yield from import_file(_pieces(path, told), profile)
    elif path.is_dir():
        if depth >= MAX_DEPTH:
            raise ContentError(f"{path}: folders nest deeper than {MAX_DEPTH}")
        names = sorted(os.listdir(path))
        entries: list[tuple[str, Cid, int]] = []
        for name in names:
            last: Block | None = None
            for last in _blocks(path / name, profile, told, follow=False, depth=depth + 1):
                yield last
            assert last is not None
            entries.append((name, last.cid, last.size))
        if sorted(os.listdir(path)) != names:
            raise ContentError(f"{path} changed while it was added; add it again when nobody writes to it")
        yield from import_directory(entries, profile)
    else:
        raise ContentError(f"{path} is neither a file nor a folder; take it away, or add what is beside it")


def _pieces(path: Path, told: Added) -> Iterator[bytes]:
    with path.open("rb") as file:
        before, size = os.fstat(file.fileno()), 0
        while piece := file.read(PIECE):
            size += len(piece)
            told.more(len(piece))
            yield piece
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
        raise ContentError(f"{path} changed while it was added; add it again when nobody writes to it")


def bytes_below(path: Path) -> int:
    """The bytes of a file, or of all files in a folder, as far as they can be seen."""
    if not path.is_dir():
        return path.stat().st_size if path.is_file() else 0
    size = 0
    for folder, _, names in os.walk(path):
        for name in names:
            file = Path(folder, name)
            try:
                size += file.stat().st_size if file.is_file() and not file.is_symlink() else 0
            except OSError:  # of others, or gone meanwhile: what adds it says so
                continue
    return size


# -- writing


def write_tree(block_of: BlockOf, cid: Cid, folder: Path, name: str) -> Path:
    """Write what a CID names, a file or a whole directory, as ``folder/name``; returns that path.

    ValidationError where that path is taken already; ContentError for a name or a symlink that leads out of it, for
    more bytes than are free, and where it cannot be written; OverloadedError for more than a million entries. Nothing
    is there then.
    """
    _check_name(name, str(cid))
    target = folder / name
    if target.is_symlink() or target.exists():
        raise ValidationError(f"{target} is there already; take another folder, or move it away")
    entries, size = _measured(block_of, cid, 0, {})
    if entries > MAX_ENTRIES:
        raise OverloadedError(
            f"{cid} stands for {entries} files and folders; at most {MAX_ENTRIES} are written at once"
        )
    try:
        free = shutil.disk_usage(next(one for one in (folder, *folder.absolute().parents) if one.exists())).free
        if size > free:
            raise ContentError(f"{target} would take {size} bytes, and {free} are free there; nothing was written")
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".p2plab-", suffix=".part", dir=folder))
    except OSError as error:
        raise _cannot(target, error) from error
    try:
        _write(block_of, cid, aside / name, aside / name, 0)
        (aside / name).rename(target)
    except OSError as error:
        raise _cannot(target, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target


def _cannot(target: Path, error: OSError) -> ContentError:
    return ContentError(f"{target} cannot be written, and nothing was: {error.strerror or error}")


def _check_name(name: str, where: str) -> None:
    if name in ("", ".", "..") or any(sign in name for sign in "/\\\0"):
        raise ContentError(f"{where} has an entry called {name!r}, which is no name of a file; nothing was written")


def _walk(walk: Any, block_of: BlockOf, take: Callable[[Any], object]) -> Any:
    """Drive a walk of ``content.reader`` to its end, with blocks that are here; gives what it returns."""
    answer = None
    while True:
        try:
            out = walk.send(answer)
        except StopIteration as end:
            return end.value
        answer = block_of(out.cid) if isinstance(out, NeededBlock) else None
        if answer is None:
            take(out)


def _measured(block_of: BlockOf, cid: Cid, depth: int, known: dict[Cid, tuple[int, int]]) -> tuple[int, int]:
    """How many files and folders writing it makes, and the bytes of the files: a directory of a few blocks, each twice
    in another, may stand for more than there is room for. Each CID is looked at once."""
    if depth > MAX_DEPTH:
        raise ContentError(f"{cid} lies deeper than {MAX_DEPTH} directories")
    found = known.get(cid)
    if found is not None:
        return found
    kind, size, _ = _walk(stat(cid), block_of, lambda _: None)
    count, total = 1, size or 0
    if kind == "directory":
        entries: list[DirectoryEntry] = []
        _walk(list_directory(cid), block_of, entries.append)
        for entry in entries:
            more, bytes_more = _measured(block_of, entry.cid, depth + 1, known)
            count, total = count + more, total + bytes_more
    known[cid] = count, total
    return count, total


def _write(block_of: BlockOf, cid: Cid, path: Path, top: Path, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ContentError(f"{path.name}: directories nest deeper than {MAX_DEPTH}")
    kind, _, link = _walk(stat(cid), block_of, lambda _: None)
    if kind == "file":
        with path.open("xb") as file:
            _walk(read_file(cid), block_of, file.write)
    elif kind == "symlink":
        _check_symlink(path, link, top)
        path.symlink_to(link)
    else:
        entries: list[DirectoryEntry] = []
        _walk(list_directory(cid), block_of, entries.append)
        path.mkdir()
        for entry in entries:
            _check_name(entry.name, str(cid))
            if os.path.lexists(path / entry.name):
                raise ContentError(f"{cid} has two entries called {entry.name!r} here; nothing was written")
            _write(block_of, entry.cid, path / entry.name, top, depth + 1)


def _check_symlink(path: Path, link: str, top: Path) -> None:
    """A symlink may lead to what is written with it, and nowhere else. One that goes up after it went down could go by
    way of another symlink to where its text does not say."""
    where = os.path.normpath(os.path.join(path.parent, link))
    parts = [part for part in link.split("/") if part not in ("", ".")]
    down = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    is_within = not os.path.isabs(link) and os.path.commonpath([where, top]) == str(top) and path != top
    if not link or "\0" in link or ".." in parts[down:] or not is_within:
        raise ContentError(f"the symlink {path.name!r} leads outside, to {link!r}; nothing was written")


# -- CAR files


def export_car(block_of: BlockOf, root: Cid, path: Path, version: int) -> Path:
    """Write a graph as a CAR, each block once, parents first; version 2 has an index. ContentError where it cannot."""
    try:
        with replacing(path) as file:
            if version == 2:
                file.write(PRAGMA + bytes(_V2_HEADER))
            begins = file.tell()
            file.write(car_header([root]))
            sections: list[Section] = []
            for cid, block in depth_first(root, block_of):
                assert block is not None
                if cid.hash == 0:
                    continue  # it holds its block itself
                section = car_section(cid, block)
                before = file.tell()
                file.write(section)
                if version == 2:
                    sections.append(Section(cid, b"", before - begins))
            if version == 2:
                ends = file.tell()
                file.write(index_of(sections))
                file.seek(len(PRAGMA))
                numbers = [begins, ends - begins, ends]
                file.write(bytes(16) + b"".join(number.to_bytes(8, "little") for number in numbers))
    except OSError as error:
        raise ContentError(f"{path} cannot be written, and nothing was: {error.strerror or error}") from error
    return path
