"""Events of reachability: NAT boxes, AutoNAT, relays, hole punching."""

from __future__ import annotations

from p2plab.events.kinds._table import DECISIONS, MESSAGES, Kind

KINDS = {
    "nat.box": Kind(DECISIONS, "nodes were put behind a NAT; data: box, kind, mapping, filtering, nodes, address"),
    "nat.removed": Kind(DECISIONS, "the nodes behind a NAT stand in the open again; data: box, nodes"),
    "nat.dropped": Kind(DECISIONS, "a NAT let a packet of the node not through; data: box, rule, address"),
    "nat.observed": Kind(MESSAGES, "a peer said how it sees the node; data: address, observers"),
    "nat.addresses": Kind(DECISIONS, "what the node advertises has changed; data: addresses"),
    "autonat.asked": Kind(MESSAGES, "the node asked a server to dial its address; data: address, protocol"),
    "autonat.answered": Kind(
        DECISIONS, "the server's answer, and what is believed now; data: address, status, confidence"
    ),
    "autonat.served": Kind(DECISIONS, "the node dialled a client back, or refused to; data: protocol, status, address"),
    "relay.reserved": Kind(DECISIONS, "the node has a slot at the relay; data: expires, limit, addresses"),
    "relay.refused": Kind(DECISIONS, "the relay refused; data: status, text"),
    "relay.lost": Kind(DECISIONS, "the node's slot at the relay is gone"),
    "relay.served": Kind(DECISIONS, "the relay gave a slot, or refused one; data: status, text"),
    "relay.circuit": Kind(DECISIONS, "the relay joined two peers, or refused to; data: target, status, text, circuit"),
    "relay.ended": Kind(DECISIONS, "a circuit has ended at the relay; data: circuit, target, bytes each way"),
    "dcutr.started": Kind(DECISIONS, "the node begins to upgrade a relayed connection"),
    "dcutr.exchanged": Kind(MESSAGES, "both ends know each other's addresses; data: attempt, addresses, round_trip"),
    "dcutr.packet": Kind(MESSAGES, "a punching packet left; data: address, attempt"),
    "dcutr.ended": Kind(DECISIONS, "what came of it, in the punchr campaign's words; data: attempts"),
}

REASONS = {
    "filtered": "a NAT's filtering: nothing was sent to whoever sent this",
    "mapping expired": "a NAT forgot the mapping: nothing was sent from there for too long",
    "no mapping": "a NAT has no mapping for that port: nothing behind it has sent from there",
    "no hairpinning": "a NAT does not send back in what comes from inside",
    "private address": "the address means something else in the network of whoever sent this",
    "ports taken": "a NAT has no port left",
    "reachable from outside": "the servers' answers say that the address can be dialled from outside",
    "unreachable from outside": "the servers' answers say that it cannot",
    "not reachable directly": "the node stands behind a NAT, so it wants a relay",
    "about to expire": "the slot at the relay ends soon, so it is renewed",
    "data limit": "the relay has passed on as many bytes one way as it allows",
    "duration limit": "the circuit has lasted as long as the relay allows",
    "relay gone": "a connection to the relay has ended, and what went over it with it",
    "upgraded": "a direct connection has taken the relayed one's place",
    "NO_CONNECTION": "the relayed connection was gone before anything was tried",
    "NO_STREAM": "the peer opened no stream for the exchange within 15 s",
    "CONNECTION_REVERSED": "the peer has a public address, so it was dialled directly",
    "CANCELLED": "the node went, or the connection did, in the middle of it",
    "FAILED": "no packet of either side got through to the other in three attempts",
    "SUCCESS": "both sides' packets met, and there is a direct connection",
    "NO_RESERVATION": "the peer has no slot at that relay",
    "RESERVATION_REFUSED": "the relay gives no more slots",
    "RESOURCE_LIMIT_EXCEEDED": "the relay has as many circuits as it allows",
    "PERMISSION_DENIED": "the relay does not serve that peer, or was asked over a relay",
    "CONNECTION_FAILED": "the relay could not reach the peer",
    "MALFORMED_MESSAGE": "the relay could not read the request",
    "UNEXPECTED_MESSAGE": "the relay was asked for something it does not do",
    "OK": "it was done as asked",
    "E_DIAL_ERROR": "the server could not dial the address",
    "E_DIAL_BACK_ERROR": "the server connected, but could not say the nonce",
    "E_DIAL_REFUSED": "the server was not willing to dial any of the addresses",
    "E_REQUEST_REJECTED": "the server has been asked too often",
    "E_BAD_REQUEST": "the server could not read the request",
    "E_INTERNAL_ERROR": "the server failed",
    "no nonce": "the server says that it connected, and its nonce never came",
}
