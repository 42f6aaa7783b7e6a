"""Gating: whom a node dials and lets in, and which protocols are spoken with whom.

Rules it lives by:
- A rule fits a request where everything it names does. What is not known yet (the peer before the security handshake,
  the protocol before a stream) leaves it open: ``block`` waits for certainty, ``allow`` lets pass what may still fit.
- What a rule of ``block`` fits is refused, whatever ``allow`` says; where ``allow`` is given, what no rule of it can
  fit is refused; then the predicate is asked. So every stage of a connection is judged anew on what has become known.
- A predicate that raises, or answers with anything but True or False (or a sentence, which is a no with its reason),
  refuses: what cannot be judged is not let in.
- A gate is a value. Changing a node's means giving it another one (``node.gate = ...``).

The stages are those of go-libp2p's ConnectionGater (core/connmgr/gater.go).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

from p2plab.admission.request import Refusal, Request
from p2plab.errors import ValidationError
from p2plab.identity.address import parse_address
from p2plab.stream.negotiation.versions import match

__all__ = ["Gate", "Predicate", "Rule", "ask", "rule_of"]

Predicate = Callable[[Request], "bool | str"]
_ADDRESSES: Final = ("ip4", "ip6", "dns", "dns4", "dns6", "dnsaddr", "memory", "unix")
_MOST_RULES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rule:
    """Fits what matches all that is given: ``peer`` is a node's name or a peer id, ``address`` a multiaddr (or the
    beginning of one, as in ``/ip4/10.0.0.1``), ``subnet`` CIDR as in ``10.0.0.0/8``, ``protocol`` a protocol id,
    which may end in a range of versions as in ``/chat/1.x``, ``direction`` ``inbound`` or ``outbound``."""

    peer: str | None = None
    address: str | None = None
    subnet: str | None = None
    protocol: str | None = None
    direction: str | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in ((f.name, getattr(self, f.name)) for f in fields(self)) if value}
        if not given:
            raise ValidationError("a rule names at least one of peer, address, subnet, protocol and direction")
        for name, value in given.items():
            if not isinstance(value, str):
                raise ValidationError(f"a rule's {name} is text, not {value!r}")
        if self.direction not in (None, "inbound", "outbound"):
            raise ValidationError(f"a direction is 'inbound' or 'outbound', not {self.direction!r}")
        if self.protocol is not None and not self.protocol.startswith("/"):
            raise ValidationError(f"a protocol id begins with a slash, as in /chat/1.0.0, not {self.protocol!r}")
        if self.subnet is not None:
            _network(self.subnet)
        if self.address is not None:
            # A beginning such as /ip4/10.0.0.1 or /ip4/10.0.0.1/tcp/4001 is a multiaddr itself.
            object.__setattr__(self, "address", parse_address(self.address).base)

    def fits(self, request: Request) -> bool | None:
        """Whether it fits; None where that cannot be said yet."""
        answers = (
            _same(self.direction, request.direction),
            self._fits_peer(request),
            self._fits_address(request),
            self._fits_subnet(request),
            _same_protocol(self.protocol, request.protocol),
        )
        if False in answers:
            return False
        return None if None in answers else True

    def _fits_peer(self, request: Request) -> bool | None:
        if self.peer is None:
            return True
        return None if request.peer is None else self.peer in (str(request.peer), request.peer.name)

    def _fits_address(self, request: Request) -> bool | None:
        if self.address is None:
            return True
        if request.address is None:
            return _unknown(request)
        return request.address == self.address or request.address.startswith(self.address + "/")

    def _fits_subnet(self, request: Request) -> bool | None:
        if self.subnet is None:
            return True
        ip = request.ip
        if ip is None:
            return _unknown(request)
        network = _network(self.subnet)
        return ip.version == network.version and ip in network

    def __repr__(self) -> str:
        given = ((f.name, getattr(self, f.name)) for f in fields(self))
        return f"Rule({', '.join(f'{name}={value!r}' for name, value in given if value is not None)})"

    def __str__(self) -> str:
        return " ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self) if getattr(self, f.name) is not None)


def rule_of(what: Any) -> Rule:
    """A rule, or the one that a text stands for: a peer's name or id, an IP address or subnet, a multiaddr, a protocol
    id. Raises ValidationError."""
    if isinstance(what, Rule):
        return what
    if not isinstance(what, str) or not what.strip():
        raise ValidationError(
            "a rule is a Rule, or text: a node's name or peer id, an IP address or subnet such as 10.0.0.0/8, a "
            f"multiaddr, or a protocol id; not {what!r}"
        )
    if what.startswith("/"):
        first = what.split("/")[1]
        return Rule(address=what) if first in _ADDRESSES else Rule(protocol=what)
    try:
        ip_network(what, strict=False)
    except ValueError:
        if "/" in what:
            _network(what)
        return Rule(peer=what)
    return Rule(subnet=what)


@dataclass(frozen=True, slots=True)
class Gate:
    """``block``: rules of what is refused. ``allow``: rules of what alone is let pass; None: everything.
    ``predicate``: a function that is given each Request that the rules let pass, and answers True, or False or a
    sentence that says why not. Rules may be given as text, see ``rule_of``."""

    block: tuple[Rule, ...] = ()
    allow: tuple[Rule, ...] | None = None
    predicate: Predicate | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "block", _rules("block", self.block))
        if self.allow is not None:
            object.__setattr__(self, "allow", _rules("allow", self.allow))
        if self.predicate is not None and not callable(self.predicate):
            raise ValidationError(f"a gate's predicate is a function of a Request, not {self.predicate!r}")

    @property
    def names(self) -> list[str]:
        """The node names and peer ids that its rules are about."""
        return [rule.peer for rule in (*self.block, *(self.allow or ())) if rule.peer is not None]

    def blocking(self, what: Any) -> Gate:
        """The same gate with one rule more in ``block``."""
        rule = rule_of(what)
        return self if rule in self.block else replace(self, block=(*self.block, rule))

    def unblocking(self, what: Any) -> Gate:
        """The same gate without that rule in ``block``."""
        rule = rule_of(what)
        return replace(self, block=tuple(other for other in self.block if other != rule))

    def judge(self, request: Request) -> Refusal | None:
        """Why not, or None for a yes."""
        for rule in self.block:
            if rule.fits(request):
                return Refusal("blocked", f"the gate's rule {rule} blocks {request}", {"rule": str(rule)})
        if self.allow is not None and all(rule.fits(request) is False for rule in self.allow):
            return Refusal("not allowed", f"no rule of the gate's that allows ({len(self.allow)}) fits {request}")
        return None if self.predicate is None else ask(self.predicate, request, "predicate", "the gate's predicate")

    def __repr__(self) -> str:
        parts = [f"block={list(self.block)}"] if self.block else []
        parts += [f"allow={list(self.allow)}"] if self.allow is not None else []
        parts += [f"predicate={getattr(self.predicate, '__name__', 'function')}"] if self.predicate else []
        return f"Gate({', '.join(parts)})"


def ask(judge: Callable[[Request], Any], request: Request, reason: str, what: str) -> Refusal | None:
    """What a callable of the user's says of a request."""
    try:
        answer = judge(request)
    except (Exception, SystemExit) as error:  # noqa: BLE001  user code may raise anything, and may not end the lab
        text = f"{what} raised {type(error).__name__} on {request}, and what cannot be judged is refused"
        return Refusal(reason, text, {"raised": type(error).__name__}, error)
    if answer is True:
        return None
    if answer is False or isinstance(answer, str):
        return Refusal(reason, f"{what} refused {request}" + (f": {answer[:200]}" if answer else ""))
    if hasattr(answer, "close"):
        answer.close()  # a coroutine that nobody will await
    kind = type(answer).__name__
    wrong = TypeError(f"{what} answers True, or False or a sentence that says why not, and this one gave {kind}")
    return Refusal(reason, f"{wrong}; what cannot be judged is refused", {"raised": "TypeError"}, wrong)


def _rules(name: str, given: Any) -> tuple[Rule, ...]:
    wanted: Iterable[Any] = [given] if isinstance(given, (str, Rule)) else given
    if not isinstance(wanted, (list, tuple)):
        raise ValidationError(f"a gate's {name} is a list of rules, not {given!r}")
    if len(wanted) > _MOST_RULES:
        raise ValidationError(f"a gate holds at most {_MOST_RULES} rules, and {name} has {len(wanted)}")
    return tuple(rule_of(one) for one in wanted)


def _same_protocol(wanted: str | None, found: str | None) -> bool | None:
    if wanted is None:
        return True
    return None if found is None else match([wanted], found) is not None


def _unknown(request: Request) -> bool | None:
    """What a rule about addresses says where there is none: before the security handshake one may still turn up,
    afterwards nothing is allowed or blocked on account of what nobody knows."""
    return None if request.stage in ("dial", "accept") else False


def _same(wanted: str | None, found: str | None) -> bool | None:
    if wanted is None:
        return True
    return None if found is None else wanted == found


_NETWORKS: dict[str, IPv4Network | IPv6Network] = {}


def _network(text: str) -> IPv4Network | IPv6Network:
    network = _NETWORKS.get(text)
    if network is None:
        try:
            network = ip_network(text, strict=False)
        except ValueError as error:
            raise ValidationError(f"{text!r} is no subnet such as 10.0.0.0/8 or fd00::/8: {error}") from error
        if len(_NETWORKS) < _MOST_RULES:
            _NETWORKS[text] = network
    return network
