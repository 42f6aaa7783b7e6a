"""What both faces of a node share about admission: settings, which can be changed, and tags. It takes no lab time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from p2plab.errors.frames import Faced
from p2plab.worlds import World

if TYPE_CHECKING:
    from p2plab.admission.authorize import Authorization
    from p2plab.admission.gate import Gate
    from p2plab.admission.ledger import Usage
    from p2plab.admission.limits import Limits
    from p2plab.admission.settings import Admission
    from p2plab.admission.shell.control import AdmissionControl
    from p2plab.admission.watermarks import Watermarks

__all__ = ["AdmissionFace"]


class HasAdmission(Protocol):
    """What it needs of a host."""

    @property
    def admission(self) -> Admission: ...

    def ensure_admission_control(self) -> AdmissionControl: ...


class AdmissionFace(Faced):
    """For ``NodeFace``, which says how a peer is named and whether there is such a one. ValidationError for
    settings that make no sense."""

    _world: World
    _host: HasAdmission
    _peer: Callable[[Any], str]
    _check_known: Callable[[str], None]

    @property
    def gate(self) -> Gate | None:
        """Whom it dials and lets in; set another one at any time, None for no gate. Connections that the new one would
        not let in are closed."""
        return self._admission().gate

    @gate.setter
    def gate(self, gate: Gate | None) -> None:
        self._change("gate", gate)

    @property
    def authorize(self) -> Authorization | None:
        """Who may open streams here: set a list of names and peer ids, a function of a Request, a dict of these by
        protocol, or None for everybody. Streams that are open stay so."""
        return self._admission().authorize

    @authorize.setter
    def authorize(self, authorize: Any) -> None:
        self._change("authorize", authorize)

    @property
    def limits(self) -> Limits | None:
        """How many connections, streams and bytes it, a peer and a protocol may take. Lower ones close nothing, and let
        nothing new in until there is room."""
        return self._admission().limits

    @limits.setter
    def limits(self, limits: Limits | None) -> None:
        self._change("limits", limits)

    @property
    def watermarks(self) -> Watermarks | None:
        """Above how many connections it closes the least valuable ones, and how many it leaves."""
        return self._admission().watermarks

    @watermarks.setter
    def watermarks(self, watermarks: Watermarks | None) -> None:
        self._change("watermarks", watermarks)

    def usage(self) -> list[Usage]:
        """What its connections and streams take, and what the limits are: of the node, of each peer and protocol."""
        return self._world.read(lambda: self._host.ensure_admission_control().usage())

    def block(self, what: Any) -> None:
        """Block a peer, an address, a subnet or a protocol; connections that it fits are closed.

        Args:
            what: a node, its name or its peer id, an IP address, a subnet such as ``10.0.0.0/8``, a multiaddr, a
                protocol id, or a ``p2plab.admission.Rule``

        Raises:
            UnknownNodeError: the name of no node; ``Rule(peer=...)`` is for one that is yet to be started.

        Example:
            >>> alice.block("192.0.2.0/24")
            >>> [str(rule) for rule in alice.gate.block]
            ['subnet=192.0.2.0/24']
        """
        rule = self._rule(what)
        if isinstance(what, str) and rule.peer == what:
            self._check_known(what)
        self._world.call(self._control().block, rule)

    def unblock(self, what: Any) -> bool:
        """Take back what ``block`` was told.

        Args:
            what: the same

        Returns:
            Whether it was blocked.

        Raises:
            UnknownNodeError: nothing of the kind is blocked, and it is the name of no node.
        """
        rule = self._rule(what)
        gate = self.gate
        if isinstance(what, str) and rule.peer == what and (gate is None or rule not in gate.block):
            self._check_known(what)
        return self._world.call(self._control().unblock, rule)

    def protect(self, peer: Any, tag: str) -> None:
        """Keep a peer's connections from being closed above the high watermark.

        Args:
            peer: a node, a node's name or a peer id
            tag: what for, in a word; a peer may be protected by several
        """
        self._world.call(self._control().protect, self._peer(peer), tag)

    def unprotect(self, peer: Any, tag: str) -> bool:
        """Take a protection away.

        Args:
            peer: a node, a node's name or a peer id
            tag: what it was for

        Returns:
            Whether the peer is still protected by another tag.
        """
        return self._world.call(self._control().unprotect, self._peer(peer), tag)

    def tag(self, peer: Any, tag: str, value: int) -> None:
        """Give a peer a value: above the high watermark those whose values come to the least go first.

        Args:
            peer: a node, a node's name or a peer id
            tag: what the value is for, in a word
            value: a whole number, in place of the one that the tag had
        """
        self._world.call(self._control().tag, self._peer(peer), tag, value)

    def untag(self, peer: Any, tag: str) -> bool:
        """Take a tag away from a peer.

        Args:
            peer: a node, a node's name or a peer id
            tag: the tag

        Returns:
            Whether it was there.
        """
        return self._world.call(self._control().untag, self._peer(peer), tag)

    def tags(self, peer: Any) -> dict[str, int]:
        """Give a peer's tags and their values.

        Args:
            peer: a node, a node's name or a peer id
        """
        return self._world.read(self._control().tags_of, self._peer(peer))

    def protections(self, peer: Any) -> list[str]:
        """List the tags that protect a peer.

        Args:
            peer: a node, a node's name or a peer id
        """
        return self._world.read(self._control().protections_of, self._peer(peer))

    def _control(self) -> AdmissionControl:
        return self._world.read(self._host.ensure_admission_control)

    def _admission(self) -> Admission:
        return self._world.read(lambda: self._host.admission)

    def _change(self, what: str, value: Any) -> None:
        from p2plab.admission.settings import check
        from p2plab.host.names import refuse_misspelt

        wanted = check(what, value)
        attached = getattr(self._world, "attached", None)
        there = [*self._world.hosts(), *(attached() if attached is not None else ())]
        refuse_misspelt({f"{what}=": getattr(wanted, "names", ())}, there)
        self._world.call(self._control().change, what, wanted)

    def _rule(self, what: Any) -> Any:
        from p2plab.admission.gate import Rule, rule_of

        return rule_of(what if isinstance(what, (str, Rule)) else self._peer(what))
