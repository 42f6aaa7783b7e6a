"""Projections of a lab into other formats: pcapng for Wireshark, Prometheus' text for its tools."""

from p2plab.exports.capture import Capture as Capture
from p2plab.exports.metrics import metrics as metrics

__all__ = ["Capture", "metrics"]
