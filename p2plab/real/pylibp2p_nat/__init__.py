"""py-libp2p's own AutoNAT and relay, for nodes with ``nat="libp2p"``."""
