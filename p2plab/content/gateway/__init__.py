"""A trustless gateway (ipfs/specs, http-gateways/trustless-gateway), both ends of it without I/O: what a request asks,
which blocks answer it, and whether an answer is the right one."""

from __future__ import annotations

from p2plab.content.gateway.request import Asked, GatewayRefusal, Ipns, car_type, head_of, ipns_head, request_of
from p2plab.content.gateway.verifying import CarVerifier
from p2plab.content.gateway.walk import answer_walk, below

__all__ = [
    "Asked",
    "CarVerifier",
    "GatewayRefusal",
    "Ipns",
    "answer_walk",
    "below",
    "car_type",
    "head_of",
    "ipns_head",
    "request_of",
]
