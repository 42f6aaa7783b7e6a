"""What all views have alike: header, footer with the cursor's bar, theme, faces as text and SVG, and saving."""

from __future__ import annotations

from p2plab_widgets.view.base import Source as Source
from p2plab_widgets.view.base import View as View
from p2plab_widgets.view.drawing import Drawing as Drawing
from p2plab_widgets.view.modules import CSS as CSS
from p2plab_widgets.view.modules import bundle as bundle
from p2plab_widgets.view.modules import styles as styles

__all__ = ["CSS", "Drawing", "Source", "View", "bundle", "styles"]
