"""Projections of a lab into other formats, and back: pcapng for Wireshark, Prometheus' text for its tools, traces,
graphs, tables and diagrams of a log; ``readers`` has what reads other tools' traces.

``DISSECTOR`` is a Lua file with which Wireshark and tshark (``-X lua_script:...``) show the Yamux frames of a capture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from p2plab.exports.capture import Capture as Capture
from p2plab.exports.dissect import ByteField as ByteField
from p2plab.exports.dissect import dissect as dissect
from p2plab.exports.metrics import metrics as metrics
from p2plab.exports.metrics import metrics_of_log as metrics_of_log
from p2plab.exports.recorder import RecordedFrame as RecordedFrame
from p2plab.exports.recorder import Recorder as Recorder
from p2plab.exports.writers import export as export

__all__ = [
    "DISSECTOR",
    "ByteField",
    "Capture",
    "RecordedFrame",
    "Recorder",
    "dissect",
    "export",
    "metrics",
    "metrics_of_log",
]

DISSECTOR: Final = Path(__file__).with_name("yamux.lua")
