"""The routing table of a DHT node, and which addresses count as one party's."""
