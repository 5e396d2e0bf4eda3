"""One round of a campaign: propose, submit, collect."""
