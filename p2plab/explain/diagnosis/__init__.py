"""Why two nodes do not talk: the layers between them, looked at in order, up to the first that fails."""

from __future__ import annotations

from p2plab.explain.diagnosis.addresses import CircuitAddress as CircuitAddress
from p2plab.explain.diagnosis.answer import Diagnosis as Diagnosis

__all__ = ["CircuitAddress", "Diagnosis"]
