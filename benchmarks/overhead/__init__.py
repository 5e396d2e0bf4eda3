"""Cost of the orchestration of one evaluation: a campaign against a bare loop over the same evaluations."""
