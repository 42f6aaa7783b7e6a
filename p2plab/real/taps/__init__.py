"""What a real lab sees of bytes, handshakes, streams and decisions on their way."""
