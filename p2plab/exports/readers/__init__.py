"""Other tools' traces, as event logs. ``p2plab.open`` knows them by what they begin with, and calls these."""

from __future__ import annotations

from p2plab.exports.readers.interop_log import read_interop as read_interop
from p2plab.exports.readers.pubsub_trace import read_json as read_json
from p2plab.exports.readers.pubsub_trace import read_protobuf as read_protobuf
from p2plab.exports.readers.tables import read_tables as read_tables

__all__ = ["read_interop", "read_json", "read_protobuf", "read_tables"]
