"""Scores: what is counted of a peer, and what it comes to (gossipsub-v1.1.md, "Peer Scoring")."""
