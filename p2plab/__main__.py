"""``python -m p2plab`` is the command line ``p2plab``."""

from __future__ import annotations

import sys

from p2plab.cli import main as main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
