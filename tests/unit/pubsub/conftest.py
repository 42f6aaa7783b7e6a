"""Settings of these tests."""

from __future__ import annotations

from hypothesis import settings

# Machines differ in speed, and a property does not: no example fails for being slow.
settings.register_profile("pubsub", deadline=None)
settings.load_profile("pubsub")
