import pytest

from tansaku.tasks.act.checks.site import longest_seconds


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("PartitionName=main MaxTime=01:00:00 MinNodes=0", 3600.0),
        ("PartitionName=main MaxTime=2-03:04:05 X=1", 183845.0),
        ("PartitionName=main MaxTime=UNLIMITED X=1", None),
        ("PartitionName=main DefaultTime=00:30:00", None),
    ],
)
def test_the_limit_of_a_partition_is_read(said, seconds):
    assert longest_seconds(said) == seconds
