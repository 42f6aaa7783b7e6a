"""An event log as other tools read it: ``export(log, path)``, by the end of the file's name."""

from __future__ import annotations

from p2plab.exports.writers.formats import FORMATS as FORMATS
from p2plab.exports.writers.formats import Selection as Selection
from p2plab.exports.writers.formats import export as export

__all__ = ["FORMATS", "Selection", "export"]
