"""py-libp2p's own publish-subscribe, subclassed where a laboratory needs it otherwise."""
