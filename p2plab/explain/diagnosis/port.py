"""What answers at a TCP port, asked by plain sockets: nothing, libp2p, HTTP, TLS, SSH, or something else.

A libp2p listener answers multistream-select's first line with the same line (connections/README.md, "Protocol
Negotiation"). Whoever speaks something else says so by its greeting (SSH, RFC 4253 section 4.2), by the status line
of an answer (HTTP, RFC 9112 section 4), or by a record of TLS's (RFC 8446 section 5.1).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

__all__ = ["PortAnswer", "probe"]

HEADER = b"\x13/multistream/1.0.0\n"
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
PATIENCE = 1.0  # seconds for an answer
GREETING = 0.2  # seconds for a greeting that comes by itself


@dataclass(frozen=True, slots=True)
class PortAnswer:
    """``speaks``: ``closed``, ``silent``, ``unreachable``, ``libp2p``, ``http``, ``tls``, ``ssh`` or ``unknown``."""

    speaks: str
    text: str


def probe(host: str, port: int, timeout: float = PATIENCE) -> PortAnswer:
    """Connect, and look who answers; it sends at most a header, a request and a TLS greeting, and reads little."""
    try:
        first = _asked(host, port, timeout, HEADER)
        if first is None:
            first = b""
        found = _named(first)
        if found is not None:
            return found
        found = _named(_asked(host, port, timeout, REQUEST) or b"")
        if found is not None:
            return found
        if _speaks_tls(host, port, timeout):
            return PortAnswer("tls", "a TLS server answers there")
    except ConnectionRefusedError:
        return PortAnswer("closed", f"nothing listens at port {port} of {host}: the connection was refused")
    except TimeoutError:
        return PortAnswer("silent", f"nothing came back from {host} port {port} within {timeout:g} s")
    except OSError as error:
        return PortAnswer("unreachable", f"{host} port {port}: {error.strerror or error}")
    if first:
        return PortAnswer("unknown", f"whoever listens there answered {first[:40]!r}, which is not libp2p")
    return PortAnswer("unknown", "whoever listens there takes connections and answers nothing that libp2p says")


def _asked(host: str, port: int, timeout: float, question: bytes) -> bytes | None:
    """What it says by itself, or else to a question; None where it closes the connection. OSError where there is
    none."""
    with closing(socket.create_connection((host, port), timeout)) as connection:
        return _exchange(connection, question, timeout)


def _exchange(connection: socket.socket, question: bytes, timeout: float) -> bytes | None:
    connection.settimeout(GREETING)
    greeting = _received(lambda: connection.recv(256))
    if greeting:
        return greeting
    connection.settimeout(timeout)
    try:
        connection.sendall(question)
    except OSError:
        return None  # it had closed the connection
    return _received(lambda: connection.recv(256))


def _received(receive: Callable[[], bytes]) -> bytes | None:
    """None where nothing came in time, or the connection broke: both say that this is no answer."""
    try:
        return receive()
    except OSError:
        return None


def _named(answer: bytes) -> PortAnswer | None:
    if HEADER in answer or b"/multistream/1.0.0" in answer[:64]:
        return PortAnswer("libp2p", "whoever listens there speaks multistream-select, as libp2p does")
    if answer.startswith(b"HTTP/") or b"<html" in answer.lower():
        return PortAnswer("http", f"an HTTP server answers there ({_line(answer)})")
    if answer.startswith(b"SSH-"):
        return PortAnswer("ssh", f"an SSH server answers there ({_line(answer)})")
    if len(answer) >= 3 and answer[0] in (0x15, 0x16) and answer[1] == 0x03:
        return PortAnswer("tls", "a TLS server answers there")
    return None


def _line(answer: bytes) -> str:
    return answer.split(b"\n")[0][:60].decode("latin-1").strip()


def _speaks_tls(host: str, port: int, timeout: float) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is only asked whether it speaks TLS; nothing is sent over it
    try:
        with closing(socket.create_connection((host, port), timeout)) as plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as error:
        # An alert of the peer's is TLS as well; that it sent something else is not.
        return "ALERT" in str(error.reason or "").upper()
    except OSError:
        return False
