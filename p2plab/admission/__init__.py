"""Whom a node dials and lets in, how much they may take, and who goes when there are too many."""

from p2plab.admission.authorize import Authorization as Authorization
from p2plab.admission.gate import Gate as Gate
from p2plab.admission.gate import Rule as Rule
from p2plab.admission.ledger import Usage as Usage
from p2plab.admission.limits import Limit as Limit
from p2plab.admission.limits import Limits as Limits
from p2plab.admission.request import Refusal as Refusal
from p2plab.admission.request import RefusedError as RefusedError
from p2plab.admission.request import Request as Request
from p2plab.admission.settings import Admission as Admission
from p2plab.admission.watermarks import Watermarks as Watermarks

__all__ = [
    "Admission",
    "Authorization",
    "Gate",
    "Limit",
    "Limits",
    "Refusal",
    "RefusedError",
    "Request",
    "Rule",
    "Usage",
    "Watermarks",
]
