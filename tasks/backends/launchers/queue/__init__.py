"""Fills a site's queue: one turn, the thread that takes turns, the separate process, and its control."""
