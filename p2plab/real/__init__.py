"""The real world: py-libp2p hosts on the loopback, in one background trio thread a lab."""

from __future__ import annotations

from p2plab.errors import MissingExtraError

try:
    from p2plab.real.pylibp2p import remedies as remedies
except ImportError as error:
    if error.name is not None and error.name.partition(".")[0] == "p2plab":
        raise
    raise MissingExtraError(
        f"real nodes need py-libp2p, which cannot be imported here ({error}): pip install 'p2plab[real]'"
    ) from error

from p2plab.real.basis import RealBasis as RealBasis
from p2plab.real.world import RealWorld as RealWorld

__all__ = ["RealBasis", "RealWorld", "remedies"]
