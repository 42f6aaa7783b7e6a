"""What connections are made of: transports, security and muxers, by the names that users choose them by.

``choices`` knows the names and checks them; ``build`` makes the library's objects; ``muxed`` is how their connections
are seen; the other modules are the transports and muxers that the library has not, or not well enough.
"""

from __future__ import annotations

from p2plab.real.transports.build import new_muxers as new_muxers
from p2plab.real.transports.build import new_security as new_security
from p2plab.real.transports.build import new_transports as new_transports
from p2plab.real.transports.ends import Refused as Refused

__all__ = ["Refused", "new_muxers", "new_security", "new_transports"]
