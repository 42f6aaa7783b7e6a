"""What a lab's own verbs do with whole runs: the faces find these here, by name (``LabBasis._runs``)."""

from __future__ import annotations

from p2plab.runs.check import check as check
from p2plab.runs.compare import compare as compare
from p2plab.runs.differences import differences as differences
from p2plab.runs.presets import compare_presets as compare_presets
from p2plab.runs.saved.file import save as save
from p2plab.runs.saved.fork import fork as fork
from p2plab.runs.saved.manifest import manifest as manifest

__all__ = ["check", "compare", "compare_presets", "differences", "fork", "manifest", "save"]
