"""Stores, launchers, and the resources that open both."""
