"""py-libp2p's own Bitswap, for nodes that are started with ``bitswap="libp2p"``; imported when one first needs it."""
