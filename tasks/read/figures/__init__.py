"""Figures of a campaign, as PNG and SVG."""

from tansaku.tasks.read.figures.campaign import draw_campaign

__all__ = ["draw_campaign"]
