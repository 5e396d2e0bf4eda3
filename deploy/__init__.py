"""Inbound adapters: command line, services."""
