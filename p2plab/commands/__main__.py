"""Print the table of commands: ``python -m p2plab.commands > p2plab/commands/COMMANDS.md``."""

from __future__ import annotations

import sys

from p2plab.commands.document import markdown

sys.stdout.write(markdown())
