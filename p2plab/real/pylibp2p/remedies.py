"""Which of the remedies a node has, and those that concern the process rather than a host.

``REMEDIES`` (``faults``) is the whole list: the reason for each, and where it is applied. Any that is not ``fixed`` can
be turned off to study the fault: ``Lab("real", remedies={"heartbeat": False})``, or for one node. Those that concern
the process are applied here, when this module is imported, which is before any other module of the real world imports
libp2p.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from p2plab.errors import ConfigurationError, ValidationError
from p2plab.real.pylibp2p.faults import REMEDIES
from p2plab.real.pylibp2p.remedy import WITHOUT, Remedy

__all__ = ["REMEDIES", "Remedies", "Remedy", "check_remedies"]

OUTBOUND_QUEUE: Final = 4_096  # RPCs
MAX_CONNECTIONS: Final = 100_000
HANDSHAKES: Final = 256  # of connections that come in, under way at once at one node
NEGOTIATION_TIMEOUT: Final = 60.0  # seconds; see "uncut negotiation"


@dataclass(frozen=True)
class Remedies:
    """Which remedies a node has: all but ``off``."""

    off: frozenset[str] = frozenset()

    @classmethod
    def without(cls, *names: str) -> Remedies:
        """All but these. ValidationError for a name that there is not, or one that cannot be turned off."""
        return check_remedies(dict.fromkeys(names, False))

    def on(self, name: str) -> bool:
        """Whether this one is applied."""
        return name not in self.off and name not in _UNFIT

    def __repr__(self) -> str:
        return f"Remedies.without({', '.join(map(repr, sorted(self.off)))})"


def leave_out(names: Iterable[str]) -> None:
    """Have no node apply these any more: the library that is installed is another than they were made for."""
    for name in names:
        _check_name(name)
        _UNFIT[name] = None


_UNFIT: Final[dict[str, None]] = {}


def check_remedies(wanted: object) -> Remedies:
    """A node's remedies, from ``Remedies`` or ``{name: bool}``. ValidationError for an unknown name or one that stays
    on; ConfigurationError for one that the process has chosen otherwise."""
    if isinstance(wanted, Remedies):
        wanted = dict.fromkeys(wanted.off, False)
    if wanted is False:  # all that can be turned off for one node
        wanted = {name: False for name, remedy in REMEDIES.items() if not remedy.fixed and not remedy.process}
    if wanted is True or wanted is None:
        wanted = {}
    if not isinstance(wanted, Mapping):
        raise ValidationError(
            f"remedies={wanted!r}: take False for none, {{'heartbeat': False}}, or Remedies.without('heartbeat')"
        )
    for name, on in wanted.items():
        _check_name(name)
        if not isinstance(on, bool):
            raise ValidationError(f"the remedy {name!r} is on (True) or off (False), not {on!r}")
        remedy = REMEDIES[name]
        if remedy.fixed and not on:
            raise ValidationError(f"the remedy {name!r} cannot be turned off: {remedy.fixed.removeprefix('no: ')}")
        if remedy.process and on is not (name not in _OFF):
            raise ConfigurationError(
                f"the remedy {name!r} is of the whole process, and was chosen when p2plab.real was first imported "
                f"({'off' if on else 'on'}); set {WITHOUT}={'' if on else name!r} in the environment before that"
            )
    return Remedies(frozenset(name for name, on in wanted.items() if not on))


def _check_name(name: object) -> None:
    if name not in REMEDIES:
        near = difflib.get_close_matches(str(name), REMEDIES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValidationError(f"there is no remedy {name!r}; {hint}p2plab.real.pylibp2p.remedies.REMEDIES lists them")


def _process_without() -> frozenset[str]:
    """The process's remedies that the environment turns off. ValidationError for others."""
    names = [name.strip() for name in os.environ.get(WITHOUT, "").split(",") if name.strip()]
    for name in names:
        _check_name(name)
        if not REMEDIES[name].process:
            raise ValidationError(f"{WITHOUT}: {name!r} is a node's remedy: Lab('real', remedies={{{name!r}: False}})")
    return frozenset(names)


def _quiet() -> None:
    """Keep libp2p's log away from the user's terminal, without touching the root logger."""
    import libp2p  # clears the handlers of its logger, so ours comes after
    from libp2p.network.connection import swarm_connection

    # Remedy "quiet logs".
    logger = logging.getLogger(libp2p.__name__)
    if not logger.handlers and "quiet logs" not in _OFF:
        logger.addHandler(logging.NullHandler())
    # Remedy "root logger". The module only calls debug, info and warning, which a logger has as well.
    if "root logger" not in _OFF:
        vars(swarm_connection)["logging"] = logging.getLogger(swarm_connection.__name__)


_OFF: Final = _process_without()
# Remedy "yamux window".
if "yamux window" not in _OFF:
    os.environ.setdefault("PY_YAMUX_RELEASE_ON_READ", "0")
_quiet()
# Remedy "ECDSA keys". Imported here, since it imports the library, which must come after the window's setting.
if "ECDSA keys" not in _OFF:
    from p2plab.real.pylibp2p.ecdsa_keys import read_ecdsa_keys

    read_ecdsa_keys()
