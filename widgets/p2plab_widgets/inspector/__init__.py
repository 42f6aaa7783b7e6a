"""The inspector: what is selected, looked into."""

from __future__ import annotations

from p2plab_widgets.inspector.widget import Inspector as Inspector

__all__ = ["Inspector"]
