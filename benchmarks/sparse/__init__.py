"""The sparse search: time, agreement of the sampled with the exhaustive one, and other programs."""
