"""Files that change while a campaign computes: what is computed with, what is refused, and when copies go."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from pathlib import Path

import pytest
from ase.build import bulk

from tansaku.calculators import frozen_files
from tansaku.calculators.calculator_registry import calculator_notes, resolve_calculator
from tansaku.calculators.engines.potentials import shipped_folder
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import JobRequest
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.specs.calculators.command import CommandCalculatorSpec
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.commands import CommandSpec, offer_commands
from tansaku.models.domain.specs.local_launcher import LocalLauncherSpec
from tansaku.tasks.backends.launchers.local import LocalLauncher
from tansaku.tasks.node.jobs import opened
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.node.jobs.spool import Spool, frozen_folder, sweep_frozen
from tests.support.plugin_packages import add_written_calculator, python

SCRIPT = """
import json, sys
sys.dont_write_bytecode = True
from energies import ENERGY
json.dump({"energy": ENERGY, "forces": [[0.0] * 3] * 4}, open("result.json", "w"))
"""


class Desk:
    """A site with one program, ``run``, in a folder, and a spool whose copies jobs of this process work from."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.spool = folder / "site", Spool(folder / "spool")
        self.spool.create(pipes=False)
        self.folder.mkdir()
        self.write("script.py", SCRIPT)
        self.write("energies.py", "ENERGY = -1.0\n")
        self.offer("script.py", "energies.py")

    def write(self, name: str, text: str) -> Path:
        """Edits a file in place."""
        path = self.folder / name
        path.write_text(text)
        return path

    def offer(self, *files: str, argv: tuple[str, ...] = (sys.executable, "-S", "script.py")) -> None:
        """Defines the program."""
        offer_commands({"run": CommandSpec(argv=argv, files=tuple(str(self.folder / name) for name in files))})

    def document(self) -> JobDocument:
        """A job of a campaign that is created now."""
        scan = {"type": "rattle", "atoms": [4], "draws": 1, "strain": 1, "lattice": 5}
        crystal = {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6}
        given = {
            "campaign": "c",
            "candidate": "cu-rattle-0.1-n04-d0001",
            "space": {"type": "crystals", "crystals": {"cu": crystal}, "scans": [scan]},
            "calculator": resolve_calculator(CommandCalculatorSpec(command="run"), self.folder),
            "objective": {"unit": "eV/atom"},
            "base_path": str(self.folder),
        }
        return JobDocument.model_validate(given)

    def energy(self, document: JobDocument) -> float:
        """Value of a job that this process does."""
        value = evaluate(document, self.spool.root).value
        assert value is not None
        return value


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setattr(opened, "_CALCULATORS", {})
    monkeypatch.setattr(frozen_files, "_ROOT", [])
    desk = Desk(tmp_path)
    frozen_files.keep_copies_in(frozen_folder(desk.spool))
    yield desk
    offer_commands({})


def other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets what a process knows, as a worker that starts later."""
    monkeypatch.setattr(opened, "_CALCULATORS", {})


@pytest.mark.parametrize("name", ["script.py", "energies.py"])
def test_an_edited_file_is_refused_by_every_worker_until_it_is_restored(desk, name, monkeypatch):
    document = desk.document()
    assert desk.energy(document) == -0.25
    before = (desk.folder / name).read_text()
    desk.write(name, before.replace("ENERGY", "ENERGY_").replace("-1.0", "-2.0"))
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="run is not the program for which the campaign was created"):
            evaluate(document, desk.spool.root)
        other_process(monkeypatch)
    desk.write(name, before)
    assert desk.energy(document) == -0.25


def test_a_file_that_is_touched_or_replaced_by_the_same_content_goes_on(desk):
    document = desk.document()
    desk.energy(document)
    os.utime(desk.folder / "energies.py", (1, 1))
    (desk.folder / "script.py").unlink()
    desk.write("script.py", SCRIPT)
    assert desk.energy(document) == -0.25


def test_a_run_that_is_under_way_ends_with_the_copy(desk):
    edits = "open({!r}, 'w').write('ENERGY = -2.0')\n".format(str(desk.folder / "energies.py"))
    desk.write("script.py", edits + SCRIPT)
    document = desk.document()
    assert desk.energy(document) == -0.25
    with pytest.raises(ConfigurationError, match="is not the program"):
        evaluate(document, desk.spool.root)


def test_a_damaged_or_deleted_copy_is_made_again(desk):
    document = desk.document()
    desk.energy(document)
    copy = next(frozen_folder(desk.spool).rglob("energies.py"))
    assert not copy.stat().st_mode & 0o222
    copy.chmod(0o600)
    copy.write_text("ENERGY = -3.0\n")
    assert desk.energy(document) == -0.25
    copy.unlink()
    assert desk.energy(document) == -0.25


def test_a_program_that_changes_during_a_run_or_between_two_workers_is_refused(desk, monkeypatch):
    program = desk.folder / "program"
    text = "#!/bin/sh\n[ -e {flag} ] && echo >> {me}\necho '{result}' > result.json\n".format(
        flag=desk.folder / "flag", me=program, result=json.dumps({"energy": -1.0, "forces": [[0.0] * 3] * 4})
    )
    program.write_text(text)
    program.chmod(0o700)
    desk.offer(argv=(str(program),))
    document = desk.document()
    assert desk.energy(document) == -0.25
    (desk.folder / "flag").touch()
    words = f"{program} was changed since the campaign first used it here: SHA-256 "
    for _ in range(3):  # after the run, before the next one, and in another process
        with pytest.raises(ConfigurationError, match=words) as refused:
            evaluate(document, desk.spool.root)
        if program.stat().st_size > len(text) + 1:
            pytest.fail("it ran again")
    other_process(monkeypatch)
    with pytest.raises(ConfigurationError, match=words):
        evaluate(document, desk.spool.root)
    Path(refused.value.hint.partition("delete ")[2].partition(",")[0]).unlink()
    (desk.folder / "flag").unlink()
    assert desk.energy(document) == -0.25


def test_a_file_beside_a_script_that_is_not_listed_is_found_and_named_by_check(desk):
    desk.write("energies.py", "from more import ENERGY\n")
    desk.write("more.py", "ENERGY = -4.0\n")
    (desk.folder / "json" / "python").mkdir(parents=True)  # an environment, which `import json` does not find
    desk.offer("script.py")
    document = desk.document()
    assert desk.energy(document) == -1.0
    unlisted = [(line.split()[1], Path(line.split()[3].rstrip(",")).name) for line in calculator_notes(document.calculator)]
    assert unlisted == [("script.py", "energies.py"), ("energies.py", "more.py")]
    desk.offer("script.py", "energies.py", "more.py")
    assert calculator_notes(document.calculator) == ()
    desk.offer(argv=(sys.executable, str(desk.folder / "script.py")))
    assert calculator_notes(document.calculator)[0].startswith(f"commands.run: its argv names {desk.folder / 'script.py'}, ")


def test_an_edited_potential_is_not_read_by_a_later_session(require, desk):
    require("lammps")
    text = (shipped_folder() / "Cu_u3.eam").read_text()
    potential = desk.write("mine.eam", text)
    spec = resolve_calculator(LammpsSpec(potential="mine.eam"), desk.folder)
    calculator = opened.opened_calculator(spec, str(desk.folder))
    energy = calculator.evaluate(bulk("Cu", cubic=True)).energy / 4
    potential.write_text(text.replace(" 1.0000000000000009e-02 ", " 1.0100000000000009e-02 ", 1))
    # A skewed cell needs an instance of LAMMPS of its own, which reads the potential again.
    assert calculator.evaluate(bulk("Cu")).energy == pytest.approx(energy, rel=1e-9)
    with pytest.raises(ConfigurationError, match=r"potential_sha256: mine\.eam has"):
        opened.opened_calculator(spec, str(desk.folder))


def test_copies_go_when_there_are_no_jobs(desk):
    desk.energy(desk.document())
    copies, hashes = (frozen_folder(desk.spool) / name for name in ("copies", "programs"))
    desk.spool.add("job", {"name": "job"}, queue=False)
    sweep_frozen(desk.spool)
    assert copies.is_dir()
    desk.spool.remove("job")
    sweep_frozen(desk.spool)
    assert not copies.exists()
    assert list(hashes.iterdir())
    sweep_frozen(Spool(desk.folder / "nothing"))


def test_a_worker_that_lives_on_refuses_what_was_edited(desk):
    document = desk.document()
    launcher = LocalLauncher(desk.spool.root, LocalLauncherSpec(kill_grace=0.3), 1)

    def outcome(name: str) -> Outcome:
        job = JobRequest(name=name, token=name, document=document.model_dump(mode="json"), timeout=120.0)
        handle = launcher.submit(job)
        while not (desk.spool.folder(name) / "result.json").exists():
            launcher.wait([handle], 5.0)
        result = launcher.fetch(handle).outcome
        launcher.discard(handle)
        return result

    launcher.start()
    try:
        assert outcome("first").value == -0.25
        desk.write("energies.py", "ENERGY = -2.0\n")
        assert outcome("second").failure.reason == "configuration"
        desk.write("energies.py", "ENERGY = -1.0\n")
        assert outcome("third").value == -0.25
        assert (frozen_folder(desk.spool) / "copies").is_dir()
    finally:
        launcher.stop()
    assert not (frozen_folder(desk.spool) / "copies").exists()


def test_an_edited_module_of_a_plugin_is_refused_in_this_process_and_in_later_ones(tmp_path):
    add_written_calculator(tmp_path, "springs")
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from tansaku.calculators.frozen_files import keep_copies_in
        from tansaku.models.domain.errors import ConfigurationError
        from tansaku.tasks.node.jobs.document import JobDocument
        from tansaku.tasks.node.jobs.evaluate import evaluate

        crystal = {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05}
        scan = {"type": "rattle", "atoms": [4], "draws": 1, "strain": 1, "lattice": 5}
        space = {"type": "crystals", "crystals": {"al": crystal}, "scans": [scan]}
        given = {"campaign": "c", "candidate": "al-rattle-0.1-n04-d0001", "base_path": ".", "space": space}
        given |= {"calculator": {"type": "springs", "depth": 0.1, "distance": 2.8}, "objective": {"unit": "eV/atom"}}
        document = JobDocument.model_validate(given)
        keep_copies_in(Path("frozen"))
        module = Path("tansaku_springs/engine.py")
        for edit in sys.argv[1:]:
            module.write_text(module.read_text() + edit.replace("-", ""))
            try: print(evaluate(document, Path(".")).failure)
            except ConfigurationError as error: print(error.message.partition(" since")[0].rpartition("/")[2])
    """)
    assert python(tmp_path, code, "-", "-", "# ").splitlines() == ["None", "None", "engine.py was changed"]
    assert python(tmp_path, code, "-").splitlines() == ["engine.py was changed"]
