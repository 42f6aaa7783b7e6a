"""py-libp2p's own KadDHT, subclassed where a laboratory needs it otherwise."""
