"""An SVG as pixels or as PDF, drawn by vl-convert (Rust's resvg), which needs no browser and no system library."""

from __future__ import annotations

from typing import Any

from p2plab.errors import MissingExtraError, ValidationError

__all__ = ["pdf", "png"]


def png(svg: str, scale: float = 1.0) -> bytes:
    """The picture as a PNG, ``scale`` pixels for each of its own. MissingExtraError without vl-convert."""
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0.1 <= scale <= 20:
        raise ValidationError(f"scale is a number from 0.1 to 20, not {scale!r}")
    return bytes(_library("PNG").svg_to_png(svg, scale=float(scale)))


def pdf(svg: str) -> bytes:
    """The picture as a PDF of one page, as large as it is. MissingExtraError without vl-convert."""
    return bytes(_library("PDF").svg_to_pdf(svg, scale=1.0))


def _library(what: str) -> Any:
    try:
        import vl_convert
    except ImportError as error:
        raise MissingExtraError(
            f"a {what} needs vl-convert-python, which cannot be imported ({error}): pip install 'p2plab[png]'; "
            "an SVG or HTML file needs nothing"
        ) from error
    return vl_convert
