"""What connections are made of: transports, security and muxers, by the names that users choose them by."""

from __future__ import annotations

from p2plab.real.transports.build import new_muxers as new_muxers
from p2plab.real.transports.build import new_security as new_security
from p2plab.real.transports.build import new_transports as new_transports
from p2plab.real.transports.choices import MUXERS as MUXERS
from p2plab.real.transports.choices import SECURITY as SECURITY
from p2plab.real.transports.choices import TRANSPORTS as TRANSPORTS
from p2plab.real.transports.choices import check_muxers as check_muxers
from p2plab.real.transports.choices import check_security as check_security
from p2plab.real.transports.choices import check_transports as check_transports

__all__ = [
    "MUXERS",
    "SECURITY",
    "TRANSPORTS",
    "check_muxers",
    "check_security",
    "check_transports",
    "new_muxers",
    "new_security",
    "new_transports",
]
