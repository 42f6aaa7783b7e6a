"""Whom a real node is connected to: dialling, peers, admission, and the streams on its connections."""
