"""Reachability of real nodes: p2plab's AutoNAT, relays and hole punching over py-libp2p's streams."""
