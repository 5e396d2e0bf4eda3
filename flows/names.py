"""Names of a service's deployments, made of the service's name and the task of a run."""

from __future__ import annotations

CAMPAIGN = "campaign"
STORED = "stored-campaign"
RETRAIN = "retrain"
RECONCILE = "reconcile"
TRAIN = "scheduled-training"

_DOES = {
    CAMPAIGN: "run-campaign",
    STORED: "continue-stored-campaign",
    RETRAIN: "train-surrogate",
    RECONCILE: "reconcile-database",
    TRAIN: "request-training",
}


def deployment_name(flow: str, service: str) -> str:
    """Returns the deployment name of a flow, distinct for each service on a server."""
    return f"{service}-{_DOES[flow]}"


def deployment_names(service: str) -> list[str]:
    """Returns the names of all deployments of a service."""
    return [deployment_name(flow, service) for flow in _DOES]
