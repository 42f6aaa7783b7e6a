"""mDNS peer discovery: its packets, and what a node says and hears (libp2p/specs discovery/mdns.md)."""
