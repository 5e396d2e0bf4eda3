"""Which cron fields and zones are accepted."""

import pytest

from tansaku.models.domain.errors import FieldError
from tansaku.tasks.act.commands.schedules import check_timing


@pytest.mark.parametrize("cron", ["* * * * *", "*/10 0-6/2 1,15 JAN-MAR mon-fri", "59 23 31 12 7", " 5  4 * * sun "])
def test_usual_fields_are_accepted(cron):
    assert check_timing(cron, "Europe/Berlin") == " ".join(cron.split())


@pytest.mark.parametrize(
    "cron",
    ["", "@daily", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
     "*/0 * * * *", "*/99 * * * *", "a * * * *", "1,, * * * *", "* * * * monday", "٣ * * * *", "* " * 60],
)  # fmt: skip
def test_others_are_refused_with_their_key(cron):
    with pytest.raises(FieldError) as refused:
        check_timing(cron, "UTC")
    assert refused.value.key == "cron"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "utc+1"])
def test_zones_are_those_of_the_database(zone):
    with pytest.raises(FieldError) as refused:
        check_timing("* * * * *", zone)
    assert refused.value.key == "zone"
