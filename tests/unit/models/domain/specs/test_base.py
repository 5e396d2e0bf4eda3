"""Numbers of a spec that a timer or the database would refuse are refused when the file is read."""

import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.execution import ExecutionSpec
from tansaku.models.domain.specs.local_launcher import LocalLauncherSpec
from tansaku.models.domain.specs.site import TimingSpec


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        (ExecutionSpec, "timeout"),
        (ExecutionSpec, "retry_backoff"),
        (TimingSpec, "lease"),
        (TimingSpec, "patience"),
        (LocalLauncherSpec, "kill_grace"),
    ],
)
def test_times_are_at_most_three_years(spec, key):
    assert getattr(spec(**{key: 1e9}), key) == 1e9
    with pytest.raises(ValidationError, match="less than or equal to 1000000000"):
        spec(**{key: 1.1e9})


def test_a_number_of_evaluations_fits_the_database():
    assert BudgetSpec(evaluations=2**53).evaluations == 2**53
    with pytest.raises(ValidationError, match="less than or equal to"):
        BudgetSpec(evaluations=2**70)
