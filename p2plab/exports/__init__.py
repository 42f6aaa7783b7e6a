"""Projections of a lab into other formats: pcapng for Wireshark, Prometheus' text for its tools."""

from p2plab.exports.capture import Capture as Capture

__all__ = ["Capture"]
