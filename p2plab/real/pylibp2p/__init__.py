"""py-libp2p's host, swarm and muxers, and the remedies they need."""
