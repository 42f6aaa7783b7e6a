"""Addresses by name: /dns4, /dns6, /dns and /dnsaddr (libp2p/specs addressing/README.md, multiaddr's DNSADDR.md)."""
