"""A plugin of pytest (``-p tests.unit.without_compiled``): what a browser's kernel does not have cannot be imported."""

from __future__ import annotations

import sys

MISSING = ("blake3", "cid", "cryptography", "libp2p", "mmh3", "multiaddr", "psutil")
for name in MISSING:
    sys.modules[name] = None  # type: ignore[assignment]  # which makes `import name` an ImportError
