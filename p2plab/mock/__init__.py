"""The mock world: the protocol cores bound to the simulated network."""

from __future__ import annotations

from p2plab.mock.world import MockWorld as MockWorld

__all__ = ["MockWorld"]
