"""Figures of a campaign: PNG for paper and README, interactive HTML that needs no network."""

from tansaku.tasks.read.figures.campaign import draw_campaign

__all__ = ["draw_campaign"]
