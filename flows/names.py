"""What the deployments of a service are called: by the service, and by what a run of them does."""

from __future__ import annotations

CAMPAIGN = "campaign"
STORED = "stored-campaign"
RETRAIN = "retrain"
RECONCILE = "reconcile"

_DOES = {
    CAMPAIGN: "run-campaign",
    STORED: "continue-stored-campaign",
    RETRAIN: "train-surrogate",
    RECONCILE: "reconcile-database",
}


def deployment_name(flow: str, service: str) -> str:
    """Name of the deployment of a flow; two services on one server do not meet.

    Args:
        flow: Name of the flow.
        service: Name of the service.
    """
    return f"{service}-{_DOES[flow]}"


def deployment_names(service: str) -> list[str]:
    """Names of all deployments of a service."""
    return [deployment_name(flow, service) for flow in _DOES]
