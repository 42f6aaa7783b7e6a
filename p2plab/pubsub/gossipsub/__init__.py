"""GossipSub v1.0 to v1.3: the router and all that is its own."""
