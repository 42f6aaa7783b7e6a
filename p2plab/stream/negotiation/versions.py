"""Versions of protocols: ``/chat/1.x`` serves every ``/chat/1.y.z``.

A protocol id ends in a version (``/chat/1.4.0``) or, where a handler is registered or a stream is opened, in a range
of versions in the notation of npm: ``1.x``, ``^1.2``, ``~1.4.0``, ``>=1.1 <3``, ``1.2.0 || 2.x``, ``*``. What goes over
the wire are always plain ids, so that a peer that knows nothing of ranges notices nothing. An id whose last part is
neither, such as ``/chat/1`` or ``/noise``, stands for itself alone (connections/README.md, "Protocol Negotiation":
exact literal matching, unless a match function is given).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from p2plab.errors import ValidationError

__all__ = ["check_version", "is_range", "match", "proposals", "split_version"]

MAX_PROPOSALS: Final = 16  # that a range is turned into
_LONGEST: Final = 64  # characters of a version; whatever is longer stands for itself
_EXACT: Final = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?")
# An operator or a wildcard, and a digit somewhere; or the lone star. So /x and /latest are names, not ranges.
_RANGE: Final = re.compile(r"\*|(?=.*(?:[xX*^~<>=|]| - ))(?=.*\d)[0-9A-Za-z*^~<>=| .+-]+")

# What nobody takes for a name: an operator or a version number in front, and a wildcard or an operator in it.
_MEANT: Final = re.compile(r"(?=[\^~<>=]|\d+\.)(?=.*\d)(?:.*[*^~<>=|].*|.*\.[xX](?![0-9A-Za-z]).*|.* - .*)")
# Two versions with a hyphen between them that lacks a space: to semver the second one is a pre-release of the first.
_FROM_TO: Final = re.compile(r"(v?\d+(?:\.\d+)+) ?- ?(v?\d+(?:\.\d+)+)")


def split_version(protocol: str) -> tuple[str, str]:
    """The name and the version or range of an id; the version is empty where the id has none."""
    name, _, last = protocol.rpartition("/")
    if len(last) <= _LONGEST and (_EXACT.fullmatch(last) or _is_range_text(last)):
        return name, last
    return protocol, ""


def is_range(protocol: str) -> bool:
    """Whether the id ends in a range of versions."""
    return _is_range_text(protocol.rpartition("/")[2])


def check_version(protocol: str) -> str:
    """The id, unless its last part is meant as a range of versions and is none: it would stand for itself alone, and
    nobody would notice. Raises ValidationError."""
    last = protocol.rpartition("/")[2]
    between = _FROM_TO.fullmatch(last)
    if between is not None and not _is_range_text(last):
        first, second = between.groups()
        raise ValidationError(
            f"{last[:80]!r} at the end of {protocol[:80]!r} is no range of versions: a hyphen between two versions has "
            f"a space on each side, {f'{first} - {second}'!r}"
        )
    if len(last) <= _LONGEST and _MEANT.fullmatch(last) and not _EXACT.fullmatch(last) and not _is_range_text(last):
        raise ValidationError(
            f"{last[:80]!r} at the end of {protocol[:80]!r} is neither a version nor a range of versions; ranges are "
            "written 1.x, ^1.2, >=1.1 <3, 1.2.0 - 2.0.0 or 1.2.0 || 2.x"
        )
    return protocol


@lru_cache(maxsize=1024)
def _is_range_text(text: str) -> bool:
    if len(text) > _LONGEST or _EXACT.fullmatch(text) or not _RANGE.fullmatch(text):
        return False
    import nodesemver

    return nodesemver.valid_range(text, False) is not None


def match(registered: Iterable[str], proposal: str) -> str | None:
    """The id under which a proposal is served: itself, or else the first range that it is in, or None."""
    ranges = []
    for pattern in registered:
        if pattern == proposal:
            return pattern
        if is_range(pattern):
            ranges.append(pattern)
    if not ranges:
        return None
    name, version = split_version(proposal)
    if not version or is_range(proposal):
        return None
    for pattern in ranges:
        of_name, versions = split_version(pattern)
        if of_name == name and _satisfies(version, versions):
            return pattern
    return None


def proposals(wanted: Sequence[str], known: Iterable[str]) -> list[str]:
    """The plain ids to propose for what is wanted, in order.

    ``known`` is what is known to be spoken by either end: the peer's protocols from identify, and this node's own. A
    range becomes the known versions in it, highest first, and last the lowest version that is in it at all; a plain id
    stays itself. ValidationError for a range that nothing is in.
    """
    plain: dict[str, None] = {}
    spoken = [split_version(protocol) for protocol in known if not is_range(protocol)]
    for protocol in wanted:
        if not is_range(protocol):
            plain[protocol] = None
            continue
        name, versions = split_version(protocol)
        found = {
            version for of_name, version in spoken if of_name == name and version and _satisfies(version, versions)
        }
        for version in [*_highest_first(found)[: MAX_PROPOSALS - 1], _lowest_in(versions)]:
            plain[f"{name}/{version}"] = None
    return list(plain)


def _satisfies(version: str, versions: str) -> bool:
    import nodesemver

    return bool(nodesemver.satisfies(version, versions, False))


def _highest_first(versions: Iterable[str]) -> list[str]:
    import nodesemver

    # Sorted as text first: versions that differ in their build alone compare equal, and a set has no order to keep.
    return list(nodesemver.rsort(sorted(versions), False))


def _lowest_in(versions: str) -> str:
    import nodesemver

    bounds = re.findall(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?", nodesemver.valid_range(versions, False))
    raised = [nodesemver.inc(bound, "patch", False) for bound in bounds]
    inside = [str(version) for version in ["0.0.0", *bounds, *raised] if _satisfies(str(version), versions)]
    if not inside:
        raise ValidationError(f"no version is in the range {versions!r}")
    return _highest_first(inside)[-1]
