"""One table of commands, and what every face draws from it: ``execute_command``, forms, magics, shell, scripts.

``@command`` puts a function of yours into the table. ``TABLE`` has every command by name, ``perform`` executes one.
"""

from __future__ import annotations

from p2plab.commands.arguments import About as About
from p2plab.commands.catalogue import GROUPS as GROUPS
from p2plab.commands.catalogue.pubsub import subscription as subscription
from p2plab.commands.checking import checked as checked
from p2plab.commands.execution import CommandOutcome as CommandOutcome
from p2plab.commands.execution import failure as failure
from p2plab.commands.execution import perform as perform
from p2plab.commands.execution import perform_async as perform_async
from p2plab.commands.line import parse_line as parse_line
from p2plab.commands.plain import plain as plain
from p2plab.commands.python import python_line as python_line
from p2plab.commands.running import finished as finished
from p2plab.commands.table import TABLE as TABLE
from p2plab.commands.table import CommandSpec as CommandSpec
from p2plab.commands.table import Example as Example
from p2plab.commands.table import Parameter as Parameter
from p2plab.commands.table import command as command
from p2plab.commands.table import find as find
from p2plab.commands.table import names as names
from p2plab.commands.text import as_text as as_text

__all__ = [
    "GROUPS",
    "TABLE",
    "About",
    "CommandOutcome",
    "CommandSpec",
    "Example",
    "Parameter",
    "as_text",
    "checked",
    "command",
    "failure",
    "find",
    "finished",
    "names",
    "parse_line",
    "perform",
    "perform_async",
    "plain",
    "python_line",
    "subscription",
]
