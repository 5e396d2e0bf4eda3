"""Tests. A package of its own: optimade installs one of the same name, which Python prefers to a folder without this file."""
