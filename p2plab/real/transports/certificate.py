"""Certificates: of secure WebSockets in a lab, and the template of those of libp2p's TLS.

The former is made for the process, kept in memory, and vouched for by nobody. Whom one talks to is proven by the libp2p
handshake inside the TLS connection, so diallers take any certificate.
"""

from __future__ import annotations

import datetime
import functools
import ipaddress
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["bare_certificate", "client_context", "server_context"]

_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "p2plab")])


@functools.lru_cache(maxsize=1)
def server_context() -> ssl.SSLContext:
    """What listeners present themselves with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="p2plab-") as folder:  # ssl reads certificates from files only
        path = Path(folder) / "certificate.pem"
        path.write_bytes(_new_certificate())
        context.load_cert_chain(path)
    return context


@functools.lru_cache(maxsize=1)
def client_context() -> ssl.SSLContext:
    """What diallers check a listener with: nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _new_certificate() -> bytes:
    """A key and a certificate for the loopback signed with it, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(ip)) for ip in ("127.0.0.1", "::1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + certificate.public_bytes(pem)


def bare_certificate() -> x509.CertificateBuilder:
    """What a node's TLS certificate is made from: nothing in it but what RFC 5280 asks for, to which py-libp2p adds the
    libp2p extension (libp2p/specs tls/tls.md). js-libp2p reads the first extension only, and takes it for that one."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # the other end's clock may be behind
        .not_valid_after(now + datetime.timedelta(days=36_500))
    )
