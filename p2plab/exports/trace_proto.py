"""The messages of go-libp2p-pubsub's trace.proto, in both of its generations.

The field numbers are the same in both; the later one has one topic where there were several, and says the topic, and of
a delivery the sender, in more places. A field that may repeat reads both. Texts are bytes here, since a peer chooses
them and need not choose UTF-8.
"""

from __future__ import annotations

from typing import Final

from p2plab.identity.protobuf import WireClasses

__all__ = ["PAYLOADS", "RENAMED", "TRACE", "TYPES"]

TYPES: Final = (
    *("PUBLISH_MESSAGE", "REJECT_MESSAGE", "DUPLICATE_MESSAGE", "DELIVER_MESSAGE", "ADD_PEER", "REMOVE_PEER"),
    *("RECV_RPC", "SEND_RPC", "DROP_RPC", "JOIN", "LEAVE", "GRAFT", "PRUNE", "SEND_RPC_COMPLETED"),
)
# The field of each type's payload, in the order of the types.
PAYLOADS: Final = (
    *("publishMessage", "rejectMessage", "duplicateMessage", "deliverMessage", "addPeer", "removePeer"),
    *("recvRPC", "sendRPC", "dropRPC", "join", "leave", "graft", "prune", "sendRPCCompleted"),
)
# What go-libp2p-pubsub has called two of them in its newest versions, in JSON.
RENAMED: Final = {
    "onNewOutboundStream": "addPeer",
    "onClosedOutboundStream": "removePeer",
    "ON_NEW_OUTBOUND_STREAM": "ADD_PEER",
    "ON_CLOSED_OUTBOUND_STREAM": "REMOVE_PEER",
}


TRACE: Final = WireClasses(
    "p2plab.pubsubtrace",
    {
        "TraceEvent": (
            "int32 type = 1; bytes peerID = 2; int64 timestamp = 3; PublishMessage publishMessage = 4; "
            "RejectMessage rejectMessage = 5; DuplicateMessage duplicateMessage = 6; "
            "DeliverMessage deliverMessage = 7; AddPeer addPeer = 8; RemovePeer removePeer = 9; "
            "RecvRPC recvRPC = 10; SendRPC sendRPC = 11; DropRPC dropRPC = 12; Join join = 13; "
            "Leave leave = 14; Graft graft = 15; Prune prune = 16; SendRPC sendRPCCompleted = 17"
        ),
        "PublishMessage": "bytes messageID = 1; repeated bytes topic = 2",
        "RejectMessage": "bytes messageID = 1; bytes receivedFrom = 2; bytes reason = 3; bytes topic = 4",
        "DuplicateMessage": "bytes messageID = 1; bytes receivedFrom = 2; bytes topic = 3",
        "DeliverMessage": "bytes messageID = 1; bytes topic = 2; bytes receivedFrom = 3",
        "AddPeer": "bytes peerID = 1; bytes proto = 2",
        "RemovePeer": "bytes peerID = 1",
        "RecvRPC": "bytes receivedFrom = 1; RPCMeta meta = 2",
        "SendRPC": "bytes sendTo = 1; RPCMeta meta = 2",
        "DropRPC": "bytes sendTo = 1; RPCMeta meta = 2",
        "Join": "bytes topic = 1",
        "Leave": "bytes topic = 2",
        "Graft": "bytes peerID = 1; bytes topic = 2",
        "Prune": "bytes peerID = 1; bytes topic = 2",
        "RPCMeta": ("repeated MessageMeta messages = 1; repeated SubMeta subscription = 2; ControlMeta control = 3"),
        "MessageMeta": "bytes messageID = 1; repeated bytes topic = 2",
        "SubMeta": "bool subscribe = 1; bytes topic = 2",
        "ControlMeta": (
            "repeated ControlIHaveMeta ihave = 1; repeated ControlIWantMeta iwant = 2; "
            "repeated ControlGraftMeta graft = 3; repeated ControlPruneMeta prune = 4; "
            "repeated ControlIDontWantMeta idontwant = 5"
        ),
        "ControlIHaveMeta": "bytes topic = 1; repeated bytes messageIDs = 2",
        "ControlIWantMeta": "repeated bytes messageIDs = 1",
        "ControlGraftMeta": "bytes topic = 1",
        "ControlPruneMeta": "bytes topic = 1; repeated bytes peers = 2",
        "ControlIDontWantMeta": "repeated bytes messageIDs = 1",
        "TraceEventBatch": "repeated TraceEvent batch = 1",
    },
)
