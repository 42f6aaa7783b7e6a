"""What answers at a TCP port, asked by plain sockets: nothing, libp2p, a private network of libp2p's, HTTP, TLS, SSH,
or something else.

A libp2p listener answers multistream-select's first line with the same line (connections/README.md, "Protocol
Negotiation"). Whoever speaks something else says so by its greeting (SSH, RFC 4253 section 4.2), by the status line
of an answer (HTTP, RFC 9112 section 4), or by a record of TLS's (RFC 8446 section 5.1). A node of a private network
begins with a nonce of 24 random bytes (pnet/Private-Networks-PSK-V1.md), which some send with the first ciphertext.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from dataclasses import dataclass

__all__ = ["PortAnswer", "probe"]

HEADER = b"\x13/multistream/1.0.0\n"
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
PATIENCE = 1.0  # seconds for an answer
GREETING = 0.2  # seconds for a greeting that comes by itself
REST = 0.3  # seconds for the rest of an answer, which may come in pieces
NONCE = 24  # bytes


@dataclass(frozen=True, slots=True)
class PortAnswer:
    """``speaks``: ``closed``, ``silent``, ``unreachable``, ``shut``, ``mute``, ``libp2p``, ``private``, ``http``,
    ``tls``, ``ssh`` or ``unknown``."""

    speaks: str
    text: str


@dataclass(frozen=True, slots=True)
class _Heard:
    """``ended``: it closed the connection."""

    data: bytes
    ended: bool


def probe(host: str, port: int, timeout: float = PATIENCE) -> PortAnswer:
    """Connect, and look who answers; it sends at most a header, a request and a TLS greeting, and reads little."""
    try:
        first = _asked(host, port, timeout, HEADER)
        found = _named(first.data)
        if found is not None:
            return found
        short = min(timeout, PATIENCE)
        second = _asked(host, port, short, REQUEST)
        found = _named(second.data)
        if found is not None:
            return found
        if _speaks_tls(host, port, short):
            return PortAnswer("tls", "a TLS server answers there")
    except ConnectionRefusedError:
        return PortAnswer("closed", f"nothing listens at port {port} of {host}: the connection was refused")
    except TimeoutError:
        return PortAnswer("silent", f"nothing came back from {host} port {port} within {timeout:g} s")
    except OSError as error:
        return PortAnswer("unreachable", f"{host} port {port}: {error.strerror or error}")
    if first.data:
        return PortAnswer("unknown", f"whoever listens there answered {first.data[:40]!r}, which is not libp2p")
    if first.ended and second.ended:
        return PortAnswer("shut", f"whoever listens at port {port} of {host} closes connections before a word is said")
    return PortAnswer("mute", f"port {port} of {host} takes connections, and whoever has it answers nothing on them")


def _asked(host: str, port: int, timeout: float, question: bytes) -> _Heard:
    """What it says by itself, or else to a question. OSError where there is no connection."""
    try:
        connection = socket.create_connection((host, port), timeout)
    except ConnectionResetError:
        return _Heard(b"", True)  # it was taken, and cut off at once
    with closing(connection):
        greeting = _received(connection, GREETING)
        if greeting.ended or _named(greeting.data) is not None:
            return greeting
        try:
            connection.sendall(question)
        except OSError:
            return _Heard(greeting.data, True)
        answer = _received(connection, REST if greeting.data else timeout)
        return _Heard(greeting.data + answer.data, answer.ended)


def _received(connection: socket.socket, timeout: float) -> _Heard:
    """What comes within a time, and what follows it shortly."""
    data, wait = b"", timeout
    while len(data) < 256 and HEADER not in data:
        connection.settimeout(wait)
        try:
            piece = connection.recv(256)
        except TimeoutError:
            return _Heard(data, False)
        except OSError:
            return _Heard(data, True)
        if not piece:
            return _Heard(data, True)
        data, wait = data + piece, REST
    return _Heard(data, False)


def _named(answer: bytes) -> PortAnswer | None:
    if HEADER in answer or b"/multistream/1.0.0" in answer[:64]:
        return PortAnswer("libp2p", "whoever listens there speaks multistream-select, as libp2p does")
    if answer.startswith(b"HTTP/") or b"<html" in answer.lower():
        return PortAnswer("http", f"an HTTP server answers there ({_line(answer)})")
    if answer.startswith(b"SSH-"):
        return PortAnswer("ssh", f"an SSH server answers there ({_line(answer)})")
    if len(answer) >= 3 and answer[0] in (0x15, 0x16) and answer[1] == 0x03:
        return PortAnswer("tls", "a TLS server answers there")
    if len(answer) in (NONCE, NONCE + len(HEADER)) and sum(not 9 <= byte < 127 for byte in answer) >= 4:
        return PortAnswer("private", "whoever listens there begins with random bytes, as a node of a private network")
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
