"""Streams: the interface every protocol is written against, and the negotiation of protocols."""

from p2plab.stream.aio import AsyncStream as AsyncStream
from p2plab.stream.blocking import BlockingStream as BlockingStream
from p2plab.stream.errors import StreamError as StreamError
from p2plab.stream.errors import StreamErrorKind as StreamErrorKind
from p2plab.stream.handler import ProtocolHandler as ProtocolHandler
from p2plab.stream.handler import StreamHandler as StreamHandler
from p2plab.stream.handler import check_handler as check_handler
from p2plab.stream.handler import serve as serve
from p2plab.stream.interface import INetStream as INetStream
from p2plab.stream.interface import StreamState as StreamState
from p2plab.stream.metrics import NegotiationStats as NegotiationStats
from p2plab.stream.metrics import negotiations as negotiations
from p2plab.stream.netstream import NetStream as NetStream
from p2plab.stream.priorities import Priority as Priority
from p2plab.stream.raw import RawStream as RawStream

__all__ = [
    "AsyncStream",
    "BlockingStream",
    "INetStream",
    "NegotiationStats",
    "NetStream",
    "Priority",
    "ProtocolHandler",
    "RawStream",
    "StreamError",
    "StreamErrorKind",
    "StreamHandler",
    "StreamState",
    "check_handler",
    "negotiations",
    "serve",
]
