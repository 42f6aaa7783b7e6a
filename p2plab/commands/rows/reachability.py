"""How two nodes stand to each other, as rows: a diagnosis, and who reaches whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from p2plab.commands.rows.row import row_of

if TYPE_CHECKING:
    from p2plab.explain.diagnosis import Diagnosis
    from p2plab.nat.matrix import ReachabilityMatrix


class DiagnosisRow(TypedDict):
    """Why two nodes do not talk; ``layer`` is None, and ``healthy`` true, where they do."""

    healthy: bool
    layer: str | None
    reason: str
    evidence: list[str]
    remedy: str


@row_of("Diagnosis")
def diagnosis_row(found: Diagnosis) -> DiagnosisRow:
    """A diagnosis."""
    return DiagnosisRow(
        healthy=found.healthy,
        layer=found.layer,
        reason=found.reason,
        evidence=list(found.evidence),
        remedy=found.remedy,
    )


class WayRow(TypedDict):
    """How one node reaches another, and why so."""

    to: str
    how: str
    reason: str


class ReachabilityRow(TypedDict):
    """Who reaches whom, by the node that dials; how many pairs there are of each kind."""

    pairs: dict[str, list[WayRow]]
    counts: dict[str, int]
    tried: bool


@row_of("ReachabilityMatrix")
def reachability_row(matrix: ReachabilityMatrix) -> ReachabilityRow:
    pairs: dict[str, list[WayRow]] = {name: [] for name in matrix.names}
    for a, b, way in matrix:
        pairs[a].append({"to": b, "how": way.how, "reason": way.reason})
    return {
        "pairs": pairs,
        "counts": {str(how): count for how, count in matrix.counts().items()},
        "tried": matrix.tried,
    }
