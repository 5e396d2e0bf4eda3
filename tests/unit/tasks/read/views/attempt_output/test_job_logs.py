from pathlib import Path

from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.launchers.launches import LaunchFolder, launch_name
from tansaku.tasks.read.views.attempt_output import attempt_logs


def test_output_errors_and_end_of_every_attempt(tmp_path, evaluation):
    folder = LaunchFolder.of(tmp_path, launch_name("job-1", "one"))
    folder.create()
    (folder.path / "out.txt").write_text("computing\n")
    (folder.path / "err.txt").write_bytes(b"x" * 200_000 + b"slurmstepd: killed \xff\n")
    folder.write("exit", {"reason": "walltime", "message": "after 60 s"})
    site = SiteSpec.model_validate({"launcher": {"type": "fireworks", "folder": str(tmp_path)}})
    first, second = attempt_logs(site, [evaluation])
    assert (first.ended, first.reason) == ("walltime after 60 s", "walltime: too long")
    assert first.files["out.txt"] == "computing\n"
    assert len(first.files["err.txt"]) < 100_000
    assert "slurmstepd: killed" in first.files["err.txt"]
    assert Path(first.folder) == folder.path
    assert (second.folder, second.files, second.ended) == (None, {}, "")


def test_a_site_without_a_shared_folder_has_no_files(evaluation):
    assert [(one.attempt, one.folder) for one in attempt_logs(SiteSpec(), [evaluation])] == [(1, None), (2, None)]
