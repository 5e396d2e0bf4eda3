"""The campaign as the steps of a round share it: its rounds, summaries and observers."""
