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


@pytest.mark.parametrize("days", ["30 2", "31 4,6", "30-31 FEB", "31 sep-sep", "31 2/9", "30/1 2"])
def test_dates_that_never_come_are_refused(days):
    with pytest.raises(FieldError, match="never comes; expected a day that one of the months has") as refused:
        check_timing(f"0 0 {days} 1", "UTC")
    assert refused.value.key == "cron"
    assert f"'0 0 {days} 1'" in refused.value.message


@pytest.mark.parametrize("days", ["29 2", "31 2-4", "5/30 2", "*/31 2", "31 2/2", "30,1 2", "31 *"])
def test_dates_that_come_in_some_year_are_accepted(days):
    assert check_timing(f"0 0 {days} *", "UTC") == f"0 0 {days} *"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "utc+1", "localtime"])
def test_zones_are_those_of_the_database(zone):
    with pytest.raises(FieldError) as refused:
        check_timing("* * * * *", zone)
    assert refused.value.key == "zone"
