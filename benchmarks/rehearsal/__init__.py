"""Whether what a rehearsal promises is what then happens, on the shipped table."""
