"""Frames on a connection, as bytes and as what taps tell of them."""
