"""The table as a page to read."""

from __future__ import annotations

import inspect

from p2plab.commands.catalogue import GROUPS
from p2plab.commands.python import literal
from p2plab.commands.scripts.expectations import SIGNS
from p2plab.commands.scripts.measures import MEASURES, usage
from p2plab.commands.table import REQUIRED, TABLE, CommandSpec

HEAD = """# Commands

Made by `python -m p2plab.commands`; a test holds it to the code. Each command can be executed

- from Python: `lab.execute_command("connect", node="alice", peer="bob")`, on a lab, a node, or `p2plab` itself;
- in a notebook: `%p2p connect alice bob`, or a whole script in a cell that begins with `%%p2p` (`%load_ext p2plab`);
- by a form of `lab.console()`;
- in a shell: `p2plab exec connect alice bob`, or a script: `p2plab run script.p2p`.

The answer is `{"success", "command", "timestamp", "time", "result"}`, and on failure `error` and `error_type` instead
of `result`. It is plain JSON; bytes are `{"base64": "..."}`. Every name works with `libp2p_` in front of it too, and
with dots or dashes for its underscores. In a line, values stand in the order of the arguments that must be given; the
others are written `name=value`. A command of a node takes the node first or as `node=`; left out, it is the lab's first
node, started if there is none. Times are seconds of lab time (`200ms`, `5s`, `2m` are understood), sizes bytes.
"""

SCRIPTS = """## Scripts and expectations

A script has a command a line; `#` begins a comment. `@5s` in front of a command waits until the scenario is 5 seconds
old; a command after `- ` may fail. Its first line may say which lab it is for: `lab mock seed=7 latency=0.05`. In YAML
a scenario is a list of the same lines, or of mappings such as `{publish: {node: n0, topic: news, message: hi}, at: 5}`.

`expect MEASURE SIGN VALUE within TIME` passes or fails with a reason, and decides the exit code of `p2plab run`. The
signs are SIGNS;
without one the measure must hold by itself, and without `within` it must do so at once. `delivered to n3, n4` is short
for `delivered.to(n3, n4) == 1`. `result` and a path behind it (`result.peers.0.name`) speak of the last
command's result.
"""


def markdown() -> str:
    """Every command with its arguments, its result and its examples, and every measure, as Markdown."""
    parts = [HEAD]
    for group, title in GROUPS.items():
        parts.append(f"## {title.rstrip('.')}\n")
        parts += [_command(command) for command in TABLE.values() if command.group == group and not command.own]
    parts.append(SCRIPTS.replace("SIGNS", ", ".join(f"`{sign}`" for sign in SIGNS)))
    rows = [f"| `{usage(name)}` | {inspect.cleandoc(MEASURES[name].__doc__ or '')} |" for name in sorted(MEASURES)]
    return "\n".join([*parts, "| measure | what it is |", "|---|---|", *rows, ""])


def _command(command: CommandSpec) -> str:
    where = {"both": "mock and real", "mock": "mock only", "real": "real only"}[command.worlds]
    text = " ".join([command.summary, *command.text.split()])
    lines = [f"### `{command.name}`", "", f"{text} ({where})", ""]
    if command.parameters:
        lines += ["| argument | type | what | default |", "|---|---|---|---|"]
        for parameter in command.parameters:
            default = "" if parameter.default is REQUIRED else f"`{literal(parameter.default)}`"
            cells = (f"`{parameter.name}`", _cell(parameter.type), _cell(parameter.what), default)
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    fields = getattr(command.result, "__annotations__", None)
    if fields:
        lines += [f"Result: {', '.join(f'`{name}`' for name in fields)}.", ""]
    lines += ["```", *(example.line for example in command.examples), "```", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
