"""No unit test passes or fails by the clock: Hypothesis's deadline for an example is off."""

from __future__ import annotations

from hypothesis import settings

# On top of what is in force already: under CI, Hypothesis repeats the same examples every time.
settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")
