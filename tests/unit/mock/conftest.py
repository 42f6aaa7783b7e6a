"""``lab`` is a fresh mock lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p2plab import Lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7) as lab:
        yield lab
