"""No unit test passes or fails by the clock: Hypothesis's deadline for an example is off."""

from __future__ import annotations

import os

from hypothesis import settings

# Under CI every version of Hypothesis repeats the same examples every time; elsewhere it goes on looking for new ones.
settings.register_profile("unhurried", settings.default, deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("unhurried")
