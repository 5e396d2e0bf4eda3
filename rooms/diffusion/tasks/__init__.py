"""The energy surface of a campaign: reading it, refining its hops, the report with its files and figures, the page."""
