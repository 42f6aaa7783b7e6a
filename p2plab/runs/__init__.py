"""Many runs of one scenario: over seeds and parameters, twice the same, or in both worlds."""

from __future__ import annotations

from p2plab.runs.check import Agreement as Agreement
from p2plab.runs.compare import Comparison as Comparison
from p2plab.runs.pools import InThisProcess as InThisProcess
from p2plab.runs.sweep import sweep as sweep
from p2plab.runs.table import Mean as Mean
from p2plab.runs.table import Run as Run
from p2plab.runs.table import SweepTable as SweepTable

__all__ = ["Agreement", "Comparison", "InThisProcess", "Mean", "Run", "SweepTable", "sweep"]
