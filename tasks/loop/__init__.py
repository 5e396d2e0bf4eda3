"""The driver of a campaign, the steps of a round, retraining, reuse and transfer."""
