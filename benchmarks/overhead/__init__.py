"""What the orchestration of one evaluation costs: a campaign against a bare loop over the same evaluations."""
