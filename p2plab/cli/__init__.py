"""The command line: ``p2plab lab | lessons | demo | run | open | archive | exec | commands | verify | doctor`` ..."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code. Ctrl+C is taken while modules are loaded, too."""
    try:
        from p2plab.cli.parser import main as do

        return do(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("p2plab: interrupted\n")
        return 130
