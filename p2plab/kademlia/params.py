"""The parameters of a DHT node. Every number and time is a node's own; none is a constant of a module."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from p2plab.constants import LAB_KAD_ID, TICKS_PER_SECOND
from p2plab.errors import ValidationError
from p2plab.errors.checked import path_of
from p2plab.errors.likely import known_fields

if TYPE_CHECKING:
    from p2plab.kademlia.node import KademliaNode
    from p2plab.kademlia.storage.records import Validator

__all__ = ["ALPHA_VALUE", "K_VALUE", "DhtMode", "DhtParams", "LibraryDhtParams", "checked_dht", "ticks"]

K_VALUE: Final = 20  # kad-dht/README.md, "Replication parameter (k)": the default of DhtParams.k
ALPHA_VALUE: Final = 10  # kad-dht/README.md r2, "Alpha concurrency parameter": the default of DhtParams.alpha
HOUR: Final = 3600.0

DhtMode = Literal["client", "server", "auto"]


def ticks(seconds: float) -> int:
    """Seconds as whole ticks."""
    return round(seconds * TICKS_PER_SECOND)


@known_fields
@dataclass(frozen=True, repr=False)
class DhtParams:
    """How one node's DHT works. Times are seconds of lab time, sizes bytes; a time of None turns off what it times.
    Raises ValidationError for values out of range.

    The table and lookups:

    - ``k``: the size of a bucket, and how many peers hold a record; ``alpha``: requests of one lookup under way at
      once.
    - ``resiliency``: a lookup ends when so many of the closest peers have answered (None: all k of them).
    - ``quorum``: values to collect before a ``get`` is content (0: as many as there are); ``max_providers``: the same
      for ``find_providers``.
    - ``query_timeout``: for one request; ``lookup_timeout``: for a whole operation; ``idle_timeout``: how long a peer's
      stream of requests may be silent.
    - ``max_queries``: the most requests of one lookup; ``retries``: of a request whose stream broke (not of one that
      timed out).
    - ``replacements``: peers that a full bucket keeps in reserve (None: k).
    - ``ip_limit_bucket``, ``ip_limit_table``, ``ip_limit_lookup``: how many peers of one IP group may be in a bucket,
      in the table, and among those that count in one lookup (0: no limit).
    - ``eclipse_threshold``: nats of divergence from chance (``lookups/eclipse.py``) over which a whole region of the
      key space is asked; None: the closest peers are trusted.
    - ``success_rates``: whether peers that mostly failed are asked last.
    - ``node``: a subclass of KademliaNode that decides something otherwise.

    What is spoken:

    - ``protocol``: the protocol id; ``mode``: ``server`` answers others, ``client`` only asks, ``auto`` is a client
      until it is found to be reachable.
    - ``validators``: by namespace, beside ``pk``, ``ipns`` and ``lab``.
    - ``echo_add_provider``: whether an ADD_PROVIDER is sent back, as ipfs/specs has it and go-libp2p cannot bear.
    - ``optimistic_provide``: whether ``provide`` returns when three quarters of the k peers have taken the record, 15
      of 20, and does the rest beside what follows.
    - ``max_message_size``, ``max_key_size``, ``max_value_size``: what is read, stored and answered at most.

    Upkeep and records:

    - ``bootstrap``: whether the node looks itself up when its upkeep starts; ``refresh_interval``: between two
      refreshes of the buckets; ``check_after``: at a refresh, peers not heard of for so long are asked whether they
      live.
    - ``value_ttl``, ``provider_ttl``: how long a value and a provider record are kept; ``provider_address_ttl``: how
      long a provider's addresses are.
    - ``republish_interval``, ``reprovide_interval``: after which the publisher puts a value, or a provider record,
      again; ``replicate_interval``: after which holders put again what nobody has put to them.
    - ``expiry_interval``: between two sweeps of what has ended.
    - ``max_values``, ``max_provider_keys``, ``max_providers_per_key``: how much the store holds.
    - ``store``: a folder for the records of a real node, see below.

    ``DhtParams()`` follows libp2p/specs: a lookup ends when the k closest have answered. ``DhtParams.ipfs()`` follows
    ipfs/specs, ``DhtParams.go()`` go-libp2p-kad-dht; all other arguments may be given to either as well.

    Sources: libp2p/specs kad-dht/README.md r2 (k, alpha, quorum as an idea, refresh), ipfs/specs routing/kad-dht
    (quorum of 16, resiliency, record times, IP diversity), go-libp2p-kad-dht for what both leave open. The interval at
    which values are put again is ours: no specification has one.

    Whoever publishes publishes again, as in libp2p, so a value lives on the holders that stay while its publisher is
    gone, ``value_ttl`` at most. ``replicate_interval`` (an hour in the Kademlia paper, 2.5) has holders do it too: then
    it outlives wave after wave of crashes without its publisher, and never ends, unless its validator says when.

    ``store`` is a folder in which a real node keeps its records, in an SQLite file under its peer id, so that they are
    there again when another lab of the same seed starts the node there. A mock lab has snapshots instead.
    """

    k: int = K_VALUE
    alpha: int = ALPHA_VALUE
    resiliency: int | None = None
    quorum: int = 16
    max_providers: int = 20

    query_timeout: float = 10.0
    lookup_timeout: float = 60.0
    idle_timeout: float = 60.0
    max_queries: int = 400
    retries: int = 1

    protocol: str = LAB_KAD_ID
    mode: DhtMode = "server"
    validators: Mapping[str, Validator] = field(default_factory=dict)

    echo_add_provider: bool = False
    optimistic_provide: bool = False

    node: type[KademliaNode] | None = None

    bootstrap: bool = True
    refresh_interval: float | None = 600.0
    check_after: float | None = 300.0
    replacements: int | None = None
    ip_limit_bucket: int = 2
    ip_limit_table: int = 3
    ip_limit_lookup: int = 3
    eclipse_threshold: float | None = None
    success_rates: bool = True

    value_ttl: float = 48 * HOUR
    republish_interval: float | None = 1 * HOUR
    replicate_interval: float | None = None
    provider_ttl: float = 48 * HOUR
    provider_address_ttl: float = 24 * HOUR
    reprovide_interval: float | None = 22 * HOUR
    expiry_interval: float = 1 * HOUR

    max_value_size: int = 64 * 1024
    max_key_size: int = 1024
    max_message_size: int = 1 << 20
    max_values: int = 4_096
    max_provider_keys: int = 16_384
    max_providers_per_key: int = 256
    store: str | Path | None = None

    def __post_init__(self) -> None:
        for name in ("k", "alpha", "max_queries", "max_value_size", "max_key_size", "max_message_size", "max_values"):
            self._check(name, 1)
        for name in ("max_provider_keys", "max_providers_per_key"):
            self._check(name, 1)
        for name in ("quorum", "max_providers", "retries", "ip_limit_bucket", "ip_limit_table", "ip_limit_lookup"):
            self._check(name, 0)
        if self.resiliency is not None:
            self._check("resiliency", 1)
        if self.replacements is not None:
            self._check("replacements", 0)
        for name in ("query_timeout", "lookup_timeout", "idle_timeout", "expiry_interval"):
            self._check_time(name, optional=False)
        for name in ("value_ttl", "provider_ttl", "provider_address_ttl"):
            self._check_time(name, optional=False)
        for name in (
            "refresh_interval",
            "check_after",
            "republish_interval",
            "replicate_interval",
            "reprovide_interval",
        ):
            self._check_time(name, optional=True)
        limit = self.eclipse_threshold
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, float)) or not limit >= 0):
            raise ValidationError(
                f"DhtParams.eclipse_threshold must be a number of nats from 0 up, or None for no test, not {limit!r}"
            )
        if self.node is not None and not isinstance(self.node, type):
            raise ValidationError(f"DhtParams.node is a class derived from KademliaNode, or None, not {self.node!r}")
        if self.store is not None:
            path_of(self.store, "DhtParams.store, a folder or None for memory alone,")
        _check_speech(self)

    @classmethod
    def ipfs(cls, **changes: Any) -> DhtParams:
        """As ipfs/specs routing/kad-dht has it: alpha 10, and a lookup ends when the 3 closest have answered (beta).

        Its servers also send an ADD_PROVIDER back; those of the network do not, so ``echo_add_provider`` stays off
        unless given. ValidationError for an argument that there is not, or a value out of range.
        """
        return cls._preset(changes, k=20, alpha=10, resiliency=3, quorum=16)

    @classmethod
    def go(cls, **changes: Any) -> DhtParams:
        """As go-libp2p-kad-dht does it (v0.42, its defaults): alpha 10, beta 3; a ``get`` asks on until the lookup is
        over (quorum 0); values are not put again by themselves; peers are asked whether they live when a refresh finds
        them silent for 2,593 s (ln(1 / k) / ln(1 - alpha / k) times the refresh interval of 600 s).
        """
        return cls._preset(changes, k=20, alpha=10, resiliency=3, quorum=0, republish_interval=None, check_after=2593.0)

    @classmethod
    def _preset(cls, changes: dict[str, Any], **values: Any) -> DhtParams:
        known = [entry.name for entry in fields(cls)]
        for name in changes:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValidationError(f"DhtParams has no {name!r}{hint}")
        return cls(**{**values, **changes})

    def __repr__(self) -> str:
        """What is not as it stands by default."""
        default = type(self)()
        changed = [
            f"{entry.name}={getattr(self, entry.name)!r}"
            for entry in fields(self)
            if getattr(self, entry.name) != getattr(default, entry.name)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _check(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValidationError(f"DhtParams.{name} must be a whole number from {least} up, not {value!r}")

    def _check_time(self, name: str, optional: bool) -> None:
        value = getattr(self, name)
        if optional and value is None:
            return
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
            wanted = "a number of seconds over 0" + (", or None to turn it off" if optional else "")
            raise ValidationError(f"DhtParams.{name} must be {wanted}, not {value!r}")


@known_fields
@dataclass(frozen=True)
class LibraryDhtParams:
    """What can be chosen of py-libp2p's own KadDHT on a real node; ``dht="libp2p"``, the default there, is this with
    its defaults. The rest are constants of its modules (k = 20, alpha = 10).

    - ``protocol``: the protocol id; ``mode``: ``server``, ``client`` or ``auto``.
    - ``validators``: by namespace, beside ``pk``, ``ipns`` and ``lab``.
    """

    protocol: str = LAB_KAD_ID
    mode: DhtMode = "server"
    validators: Mapping[str, Validator] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_speech(self)


def _check_speech(params: DhtParams | LibraryDhtParams) -> None:
    """What both have in common."""
    if params.mode not in ("client", "server", "auto"):
        raise ValidationError(f"a DHT node's mode is 'client', 'server' or 'auto', not {params.mode!r}")
    if not isinstance(params.protocol, str) or not params.protocol.startswith("/"):
        raise ValidationError(f"a protocol id begins with /, as {LAB_KAD_ID} does; {params.protocol!r} does not")
    if not isinstance(params.validators, Mapping):
        raise ValidationError(
            f"validators is a dict of them by namespace, such as {{'lab': ...}}, not {params.validators!r}"
        )
    if params.validators:
        from p2plab.kademlia.storage.records import check_namespaces

        check_namespaces(params.protocol, params.validators)
    for namespace, validator in params.validators.items():
        if not isinstance(namespace, str) or not namespace or "/" in namespace:
            raise ValidationError(f"a namespace is the word between the first two / of a key, not {namespace!r}")
        _check_validator(namespace, validator)


def _check_validator(namespace: str, validator: object) -> None:
    """A validator is used where a peer's record comes in, long after it was given: what it lacks is said here."""
    for method, arguments in (("validate", ("key", "value", "now")), ("select", ("key", "values"))):
        call = getattr(validator, method, None)
        takes = f"{method}({', '.join(arguments)})"
        if not callable(call) or isinstance(validator, type):
            raise ValidationError(
                f"the validator of /{namespace} is an object with validate(key, value, now), which raises for a record "
                f"that is not valid, and select(key, values), which gives the best one's place, not {validator!r}"
            )
        try:
            inspect.signature(call).bind(*arguments)
        except TypeError as error:
            raise ValidationError(
                f"{type(validator).__name__} of /{namespace} is called as {takes}: {error}"
            ) from error
        except ValueError:  # a function in C that does not say what it takes
            continue


def checked_dht(given: object) -> DhtParams | LibraryDhtParams:
    """What the setting ``dht`` stands for: parameters, or the name of the implementation. Raises ValidationError."""
    if isinstance(given, (DhtParams, LibraryDhtParams)):
        return given
    if given == "p2plab":
        return DhtParams()
    if given == "libp2p":
        return LibraryDhtParams()
    raise ValidationError(
        f"dht={given!r}: take DhtParams(k=20, ...) or 'p2plab' for p2plab's Kademlia, or, on a real node, 'libp2p' or "
        "LibraryDhtParams(...) for py-libp2p's own"
    )
