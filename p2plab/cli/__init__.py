"""The command line: ``p2plab lab | lessons | demo | run | open | archive | exec | commands | verify | doctor`` ..."""

from __future__ import annotations

from p2plab.cli.parser import main as main

__all__ = ["main"]
