"""Names of deployments."""

from tansaku.flows.names import CAMPAIGN, RECONCILE, deployment_name, deployment_names
from tansaku.flows.reconcile import _service


def test_names_tell_what_a_run_does_and_two_services_do_not_meet():
    assert deployment_name(CAMPAIGN, "tansaku") == "tansaku-run-campaign"
    assert len({*deployment_names("tansaku"), *deployment_names("cluster")}) == 10


def test_a_reconciling_run_knows_its_service_and_one_outside_of_a_service_knows_none():
    assert _service(deployment_name(RECONCILE, "my-cluster")) == "my-cluster"
    for name in (None, "somebody's", "-reconcile-database"):
        assert _service(name) is None
