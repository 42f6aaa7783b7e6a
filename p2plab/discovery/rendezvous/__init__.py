"""Rendezvous: a point where peers register and ask who else has (rendezvous/README.md)."""
