"""Inbound adapters: the command line and the dashboard."""
