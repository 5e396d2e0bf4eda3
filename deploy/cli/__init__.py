"""The `tansaku` command."""
