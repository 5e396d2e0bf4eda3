"""The SLURM that the other tests rely on is a real one and can be disturbed."""


def test_jobs_run_on_both_nodes_in_networks_of_their_own(slurm, tmp_path):
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\nhostname > $SLURM_JOB_NAME\nreadlink /proc/self/ns/net >> $SLURM_JOB_NAME\n")
    for name in ("n1", "n2"):
        slurm.run(
            "sbatch", f"--chdir={tmp_path}", "--output=/dev/null", f"--job-name=on-{name}", f"--nodelist={name}", str(script)
        )
    slurm.wait_for(lambda: slurm.jobs().get("on-n1") == slurm.jobs().get("on-n2") == "COMPLETED", "both jobs are done")
    first, second = ((tmp_path / f"on-{name}").read_text().split() for name in ("n1", "n2"))
    assert (first[0], second[0]) == ("n1", "n2")
    assert first[1] != second[1]


def test_controller_and_node_come_back(slurm):
    slurm.stop_daemon("slurmctld", 9)
    slurm.stop_daemon("n2", 9)
    assert slurm.node_states() == {}
    slurm.make_ready()
    assert slurm.node_states() == {"n1": "IDLE", "n2": "IDLE"}
