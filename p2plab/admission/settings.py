"""What a node is told about whom to let in, as settings of the lab or of the node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Final

from p2plab.admission.authorize import Authorization
from p2plab.admission.gate import Gate
from p2plab.admission.limits import Limits
from p2plab.admission.watermarks import Watermarks
from p2plab.errors import ConfigurationError, ValidationError
from p2plab.errors.likely import known_fields
from p2plab.settings import setting

__all__ = ["SETTINGS", "Admission", "setting_of"]

SETTINGS: Final = {
    "gate": "a Gate: whom every node dials and lets in (p2plab.admission)",
    "authorize": "who may open streams here: names and peer ids, or a function of a Request; or a dict of these by "
    "protocol",
    "limits": "Limits: how many connections, streams and bytes a node, a peer and a protocol may take",
    "watermarks": "Watermarks(low=, high=, grace=): above high, the least valuable connections are closed",
}


@known_fields
@dataclass(frozen=True, slots=True)
class Admission:
    """What one node goes by; None asks nothing.

    - ``gate``: whom it dials and lets in; ``authorize``: who may open streams here.
    - ``limits``: how many connections, streams and bytes there may be.
    - ``watermarks``: above how many connections it closes the least valuable ones.
    """

    gate: Gate | None = None
    authorize: Authorization | None = None
    limits: Limits | None = None
    watermarks: Watermarks | None = None

    def __post_init__(self) -> None:
        """ValidationError for what is none of these; ConfigurationError for watermarks that the limits keep from ever
        being reached."""
        for one in fields(self):
            object.__setattr__(self, one.name, check(one.name, getattr(self, one.name)))
        most = self.limits.node.connections if self.limits else None
        if most is not None and self.watermarks is not None and self.watermarks.high > most:
            raise ConfigurationError(
                f"the limits allow {most} connections, and the high watermark is {self.watermarks.high}: connections "
                "would be refused before any is closed; have the limit above the watermark"
            )

    @property
    def is_set(self) -> bool:
        """Whether anything is asked at all."""
        return self != NOTHING

    @property
    def names(self) -> list[str]:
        """The node names and peer ids that its gate and its authorization are about."""
        return [name for one in (self.gate, self.authorize) if one is not None for name in one.names]

    def with_changes(self, settings: Mapping[str, Any]) -> Admission:
        """The same with what a user gave in its place; other settings are left alone. Raises ValidationError."""
        given = {f.name: check(f.name, settings[f.name]) for f in fields(self) if f.name in settings}
        return replace(self, **given) if given else self


def check(name: str, value: Any) -> Any:
    """A value for one of the settings. Raises ValidationError."""
    if value is None:
        return None
    if name == "authorize":
        return Authorization.of(value)
    wanted: type = {"gate": Gate, "limits": Limits, "watermarks": Watermarks}[name]
    if not isinstance(value, wanted):
        raise ValidationError(f"{name} is a {wanted.__name__} (p2plab.admission) or None, not {value!r}")
    return value


def setting_of(name: str) -> Any:
    """Declare one of them among the settings of a world's nodes."""
    return setting(None, SETTINGS[name], check=partial(check, name))


NOTHING: Final = Admission()
