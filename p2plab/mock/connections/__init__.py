"""Connections between mock nodes: what they go over, their handshakes and streams, and who may open them."""
