"""The dashboard: pages and API of the web process. ``app`` composes it; ``middleware`` and ``auth`` protect it."""
