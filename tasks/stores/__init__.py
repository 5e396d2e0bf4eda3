"""Where campaigns are kept: memory, MongoDB, artifacts."""
