"""A network of one's own for each student: seed and parameters that follow from a name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from p2plab.errors import ValidationError
from p2plab.errors.frames import faced

__all__ = ["Variant", "variant"]

_LABEL: Final = b"p2plab variant 1\0"


@dataclass(frozen=True, slots=True)
class Variant:
    """What a student's network is made with: a seed, how many nodes of which degree, a latency in seconds."""

    student: str
    seed: int
    nodes: int
    degree: int
    latency: float


@faced
def variant(student: str) -> Variant:
    """The parameters of a student: the same for the same text, and others for nearly every other text.

    Args:
        student: any text: a name, an address, a number

    Returns:
        ``.seed`` (0 to 2**31), ``.nodes`` (16 to 31), ``.degree`` (3 to 5), ``.latency`` (0.02 to 0.08 s)
    """
    if not isinstance(student, str) or not student.strip():
        raise ValidationError(f"variant takes any text that says who it is, as in variant('ada'), not {student!r}")
    digest = hashlib.sha256(_LABEL + student.strip().encode("utf-8", "surrogatepass")).digest()
    return Variant(
        student.strip(),
        int.from_bytes(digest[:4], "big") >> 1,
        16 + digest[4] % 16,
        3 + digest[5] % 3,
        (20 + 10 * (digest[6] % 7)) / 1000,
    )
