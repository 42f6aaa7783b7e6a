"""Private networks: the key, the cipher, and the protector of connections."""
