"""Print the page: ``python -m p2plab.real.transports > p2plab/real/TRANSPORTS.md``."""

from __future__ import annotations

import sys

from p2plab.real.transports.document import markdown

if __name__ == "__main__":
    sys.stdout.write(markdown())
