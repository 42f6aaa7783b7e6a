"""What came of a command, as a sentence; the numbers and the rest stand below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from p2plab.errors import LabError
from p2plab.text import plural
from p2plab_widgets.text import shown

if TYPE_CHECKING:
    from p2plab import Lab

Result = Mapping[str, Any]


def sentence_of(command: str, arguments: Mapping[str, Any], result: object) -> str:
    """One sentence; of a command that has none of its own, that it is done."""
    tell = _SENTENCES.get(command)
    if tell is None or not isinstance(result, Mapping):
        return f"{command}: done"
    try:
        return tell(shown(str(arguments.get("node", "")), 40), result)
    except (KeyError, TypeError, ValueError):  # a command of the same name that gives something else
        return f"{command}: done"


def reach_of(lab: Lab, ref: str, said: str) -> str:
    """How far a message has come by now, after what was said of it."""
    try:
        way = lab.propagation(ref)
    except LabError:
        return said
    have, total = len(way), len(way) + len(way.missing)
    if not total:
        return f"{said}: nobody subscribes"
    told = f"{said}: {have:,} of {plural(total, 'subscriber')} have it"
    if have == total:
        return f"{told}, {way.duration:.2g} s"
    waiting = ", ".join(shown(name, 24) for name in way.missing[:3])
    return f"{told}; {waiting}{' and others' if len(way.missing) > 3 else ''} not yet"


def _connected(node: str, result: Result) -> str:
    arrow = "→" if result["direction"] == "outbound" else "←"
    stack = "+".join(part for part in (result["transport"], result["security"], result["muxer"]) if part)
    return f"connected: <Connection {node} {arrow} {result['peer']} (…{result['peer_id'][-6:]}) {stack}>"


def _published(node: str, result: Result) -> str:
    return f"published {plural(result['message_size'], 'byte')} to {result['topic']}"


def _subscribed(node: str, result: Result) -> str:
    return f"{node} subscribes to {result['topic']}; its messages are shown here"


def _diagnosed(node: str, result: Result) -> str:
    return shown(result["reason"] if result["layer"] is None else f"{result['layer']}: {result['reason']}", 200)


_SENTENCES: Final[Mapping[str, Callable[[str, Result], str]]] = {
    "connect": _connected,
    "diagnose": _diagnosed,
    "publish": _published,
    "subscribe": _subscribed,
    "ping": lambda node, result: f"{result['peer']} answered {node} after {1000 * result['seconds']:.4g} ms",
    "play": lambda node, result: "time passes",
    "pause": lambda node, result: "time stands still",
    "run": lambda node, result: f"it is {result['now']:.2f} s now",
}
