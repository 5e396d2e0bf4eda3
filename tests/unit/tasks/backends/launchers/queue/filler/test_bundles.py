import pytest
from pydantic import ValidationError

from tansaku.models.domain.specs.cluster import FireworksLauncherSpec
from tests.support.campaign_files import table_space

HOUR = 3600.0


@pytest.fixture
def make_job(require, tmp_path):
    """``make_job(number, cost=…, campaign=…)``: a job as its Firework carries it."""
    require("fireworks")
    from tansaku.tasks.backends.launchers.fireworks_documents import CarriedJob

    space = table_space("table.csv", {"id": "id", "value": "value"}, {"x": {"columns": ["x"]}})

    def make(number, *, cost=1.0, campaign="test"):
        document = {"campaign": campaign, "candidate": "c", "space": space, "base_path": str(tmp_path)}
        request = {"name": f"{campaign}-{number}", "token": f"t{number}", "timeout": 100.0, "cost": cost, "document": document}
        return CarriedJob(fw_id=number, site="cluster", campaign=campaign, request=request, request_sha256="0" * 64)

    return make


@pytest.fixture
def make_bundler(require, tmp_path):
    """``make_bundler(measured={…}, **keys of the launcher)`` with run times that launches have left."""
    require("fireworks")
    from tansaku.tasks.backends.launchers.queue.filler import Bundler, RunTimes

    def make(measured=(), **keys):
        spec = FireworksLauncherSpec(folder=str(tmp_path), **{"bundle_wait": HOUR, "look": HOUR, **keys})
        left_by_a_launch(tmp_path, measured)
        return Bundler(spec, RunTimes(tmp_path))

    return make


def left_by_a_launch(folder, computed, campaign="test"):
    from tansaku.tasks.backends.launchers.launches import LaunchFolder, LaunchOrder, Member

    launch = LaunchFolder.of(folder, f"earlier-{campaign}")
    launch.create()
    order = LaunchOrder(
        site="cluster",
        campaign=campaign,
        folder="/shared",
        mode="offline",
        database="launchpad",
        uri_file=None,
        members=(Member(name="job", fw_id=1, launch_id=2),),
        heartbeat=1.0,
        kill_grace=1.0,
        patience=0.0,
        walltime=60.0,
    )
    launch.write("launch", order.model_dump(mode="json"))
    launch.write("exit", {"reason": "done", "computed": [list(one) for one in computed]})


def launched(bundler, jobs, under_way=()):
    """Sizes of the launches of one pass: those that are full, then those that have waited long enough."""
    bundler.begin()
    full = [len(members) for job in jobs for members in bundler.add(job)]
    return full, [len(members) for members in bundler.rest(under_way)]


def test_a_number_makes_launches_of_so_many_and_the_rest_waits(make_bundler, make_job):
    jobs = [make_job(number) for number in range(8)]
    assert launched(make_bundler(bundle=3), jobs) == ([3, 3], [])
    assert launched(make_bundler(bundle=1), jobs) == ([1] * 8, [])


def test_campaigns_are_not_mixed(make_bundler, make_job):
    jobs = [make_job(number, campaign=campaign) for number in range(3) for campaign in ("one", "two")]
    bundler = make_bundler(bundle=3)
    bundler.begin()
    bundles = [members for job in jobs for members in bundler.add(job)]
    assert [{one.campaign for one in members} for members in bundles] == [{"one"}, {"two"}]


def test_a_smaller_launch_goes_when_nothing_of_its_campaign_is_under_way(make_bundler, make_job):
    jobs = [make_job(number) for number in range(2)]
    bundler = make_bundler(bundle=3, look=1e-9)
    assert launched(bundler, jobs, {"test"}) == ([], [])
    assert launched(bundler, jobs, {"test"}) == ([], [])
    assert launched(bundler, jobs, {"other"}) == ([], [2])


def test_while_more_are_coming_a_smaller_launch_waits(make_bundler, make_job):
    bundler = make_bundler(bundle=4, look=1e-9)
    assert launched(bundler, [make_job(1)]) == ([], [])
    assert launched(bundler, [make_job(1), make_job(2)]) == ([], [])
    assert launched(bundler, [make_job(1), make_job(2)]) == ([], [2])


def test_nobody_waits_longer_than_the_site_says(make_bundler, make_job):
    assert launched(make_bundler(bundle=3, bundle_wait=0.0), [make_job(1)], {"test"}) == ([], [1])


def test_at_least_so_long_by_measured_times(make_bundler, make_job):
    jobs = [make_job(number) for number in range(10)]
    bundle = {"at_least": 35.0}
    assert launched(make_bundler(bundle=bundle), jobs) == ([1] * 10, [])
    assert launched(make_bundler([(1.0, 10.0), (1.0, 9.0), (1.0, 50.0)], bundle=bundle), jobs) == ([4, 4], [])
    assert launched(make_bundler([(1.0, 10.0)], bundle={**bundle, "at_most": 2}), jobs) == ([2] * 5, [])


def test_times_go_with_predicted_cost(make_bundler, make_job):
    bundler = make_bundler([(2.0, 10.0), (4.0, 20.0)], bundle={"at_least": 30.0})
    assert launched(bundler, [make_job(number, cost=6.0) for number in range(3)]) == ([1, 1, 1], [])
    assert launched(bundler, [make_job(number, cost=2.0) for number in range(6)]) == ([3, 3], [])


def test_times_of_another_campaign_say_nothing(make_bundler, make_job):
    bundler = make_bundler([(1.0, 10.0)], bundle={"at_least": 30.0})
    assert launched(bundler, [make_job(number, campaign="other") for number in range(2)]) == ([1, 1], [])


def test_a_launch_holds_no_more_than_its_walltime(make_bundler, make_job):
    jobs = [make_job(number) for number in range(7)]
    resources = {"walltime": 250.0}
    assert launched(make_bundler(bundle=7, resources=resources), jobs) == ([2, 2, 2], [])
    assert launched(make_bundler([(1.0, 10.0)], bundle=7, resources=resources), jobs) == ([7], [])
    assert launched(make_bundler([(1.0, 300.0)], bundle=7, resources=resources), jobs) == ([1] * 6, [])


def test_jobs_of_a_class_run_alone_unless_it_says_otherwise(make_bundler, make_job):
    jobs = [make_job(number, cost=cost) for number in range(4) for cost in (1.0, 9.0)]
    dear = {"cost_above": 5.0, "resources": {"memory": "9G"}}
    assert launched(make_bundler(bundle=4, classes=[dear]), jobs) == ([1, 1, 1, 4, 1], [])
    assert launched(make_bundler(bundle=4, classes=[{**dear, "bundle": 2}]), jobs) == ([2, 4, 2], [])


@pytest.mark.parametrize("bundle", [0, -1, "many", {"at_least": 0}, {"at_least": 10, "at_most": 0}, {"at_most": 3}])
def test_a_bundle_that_is_none_is_refused(bundle):
    with pytest.raises(ValidationError, match="bundle"):
        FireworksLauncherSpec(folder="/shared", bundle=bundle)


def test_trainings_have_resources_of_their_own_and_wait_for_nobody(require, tmp_path, make_job):
    require("fireworks")
    from tansaku.tasks.backends.launchers.fireworks_documents import CarriedJob
    from tansaku.tasks.backends.launchers.queue.filler import kind_of
    from tansaku.tasks.backends.launchers.slurm import job_script

    model = {"schema_version": 1, "name": "al", "dataset": "d" * 64, "surrogate": {"type": "local_energies"}}
    document = {"kind": "training", "campaign": "test", "model": model, "dataset": "/d.h5", "groups": {}, "checkpoint": "/c"}
    request = {"name": "train-1", "token": "train-1", "timeout": 100.0, "cost": 0.0, "document": document}
    training = CarriedJob(fw_id=1, site="cluster", campaign="test", request=request, request_sha256="0" * 64)
    classes = [{"calculator": "training", "resources": {"gpus": 1, "partition": "gpu"}, "bundle": 5}]
    spec = FireworksLauncherSpec(folder=str(tmp_path), bundle=10, classes=classes)
    kind = kind_of(spec, training)
    assert (kind.calculator, kind.bundle) == ("training", 1)
    script = job_script("train-1", ["/python"], tmp_path, kind.resources, 60.0)
    assert "#SBATCH --gpus=1" in script
    assert "#SBATCH --partition=gpu" in script
    assert kind_of(spec, make_job(2)).resources.gpus is None


def test_a_training_is_carried_whole_and_checked(require, tmp_path):
    require("fireworks")
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.backends.launchers.fireworks_documents import TASK_NAME, check_firework, task_document

    model = {"schema_version": 1, "name": "al", "dataset": "d" * 64, "surrogate": {"type": "local_energies"}}
    document = {"kind": "training", "campaign": "test", "model": model, "dataset": "/d.h5", "groups": {}, "checkpoint": "/c"}
    request = {"name": "train-1", "token": "train-1", "timeout": 100.0, "cost": 0.0, "document": document}
    (tmp_path / "request.json").write_text("{}")

    def firework(**changes):
        carried = task_document("test", request | {"document": document | changes}, tmp_path / "request.json")
        task = {"_fw_name": TASK_NAME, **carried}
        return {"fw_id": 1, "name": "train-1", "spec": {"_fworker": "cluster", "_tasks": [task]}}

    assert check_firework(firework()).request.document.model.name == "al"
    with pytest.raises(ConfigurationError):
        check_firework(firework(model=model | {"surrogate": {"type": "os.system"}}))
