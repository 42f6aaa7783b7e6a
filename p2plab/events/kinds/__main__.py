"""Print the tables of kinds and reasons: ``python -m p2plab.events.kinds > p2plab/events/KINDS.md``."""

from __future__ import annotations

import sys

from p2plab.events.kinds.document import markdown

sys.stdout.write(markdown())
