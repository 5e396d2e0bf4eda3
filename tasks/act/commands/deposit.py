"""One archive of a campaign for a repository of research data, with metadata, which another installation imports.

Metadata follow DataCite 4.5 (https://schema.datacite.org/meta/kernel-4.5/) and RO-Crate 1.1 (https://w3id.org/ro/crate/1.1),
and what the repository itself reads: a record of InvenioRDM for Zenodo, an entry and its metadata for NOMAD.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import tansaku
from tansaku.calculators.licences import licence_of
from tansaku.models.domain.errors import ConfigurationError, TansakuError
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import CampaignFile, JsonDict
from tansaku.models.domain.specs.calculators.contract import Licence
from tansaku.tasks.act.commands.export_import import export_observations
from tansaku.tasks.ground.formats.yaml_text import write_yaml
from tansaku.tasks.node.configuration.written import written_spec
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.structures import export_structures

Repository = Literal["zenodo", "nomad"]

LICENCES = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "MIT": "https://opensource.org/license/mit",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
}
"""Licences by their SPDX identifiers."""

PUBLISHERS = {"zenodo": ("Zenodo", "https://zenodo.org"), "nomad": ("NOMAD", "https://nomad-lab.eu")}
"""Name and address of each repository."""

OF_NOMAD = "CC-BY-4.0"
"""The licence under which NOMAD publishes all data."""

OBSERVATIONS = "observations.parquet"
"""The file of an archive that an import reads."""

UNKNOWN = "unknown"
"""In place of a licence that nothing says."""

_COMPUTATION = "#computation"
_KEPT = re.compile(next(item.pattern for item in CampaignFile.model_fields["path"].metadata if hasattr(item, "pattern")))
_LARGEST = 2**28  # of all files that the campaign keeps [bytes]
_MOST_SMALLER = 200  # a Parquet file, whose columns are compressed, cannot shrink that much: the archive is hostile
_ANALYSIS = "nomad.datamodel.metainfo.eln.ELNAnalysis"  # the entry of NOMAD that says how data came about
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a ZIP can hold: the same content is the same file
_TYPES = {".extxyz": "chemical/x-xyz", ".cif": "chemical/x-cif", ".parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True)
class Deposit:
    """Description of a deposit.

    Attributes:
        repository: Where it is to go.
        creators: Names of people, ``Family, Given``, and of organizations, which have no comma.
        licence: SPDX identifier, one of :data:`LICENCES`.
    """

    repository: Repository
    creators: tuple[str, ...]
    licence: str

    def check(self) -> None:
        """Raises ConfigurationError without creators, or where the licence is not known, or not that of NOMAD."""
        if not self.creators or not all(name.strip() for name in self.creators):
            raise ConfigurationError("--creator: missing; expected a name such as 'Curie, Marie', once for each creator")
        if self.licence not in LICENCES:
            raise ConfigurationError(f"--licence: {self.licence!r} is not known; expected one of {', '.join(LICENCES)}")
        if self.repository == "nomad" and self.licence != OF_NOMAD:
            raise ConfigurationError(f"--licence: NOMAD publishes data under {OF_NOMAD} alone, not {self.licence}")


def write_deposit(data: Campaign, artifacts: ArtifactStore, path: Path, deposit: Deposit) -> list[str]:
    """Writes the archive of a campaign.

    It holds all evaluations with structures as Parquet, the structures as extended XYZ and CIF, the campaign file with the
    files of its space, what computed the values and the licences of models (``calculators.json``), and metadata.

    Args:
        path: Target, a ``.zip``; overwritten.

    Returns:
        Names of the files in it.

    Raises:
        ConfigurationError: The description is wrong, or the file cannot be written.
    """
    deposit.check()
    if path.suffix != ".zip":
        raise ConfigurationError(f"{str(path)!r} does not end in .zip")
    with tempfile.TemporaryDirectory(prefix="tansaku-") as folder:
        root = Path(folder)
        export_observations(data.store, data.record.name, root / OBSERVATIONS, artifacts, structures=True)
        (root / f"{data.record.name}.yaml").write_text(write_yaml(written_spec(data.spec)), encoding="utf-8")
        _copy_inputs(data, root)
        for form in ("extxyz", "cif"):
            try:
                export_structures(data, artifacts, root / "structures", form, None)
            except ConfigurationError:
                break  # a campaign of a table has none
        _write_json(root / "calculators.json", calculators_of(data))
        _write_json(root / "datacite.json", datacite(data, deposit))
        for name, content in _for_repository(data, deposit).items():
            _write_json(root / name, content)
        files = sorted(file for file in root.rglob("*") if file.is_file())
        names = [file.relative_to(root).as_posix() for file in files]
        _write_json(root / "ro-crate-metadata.json", ro_crate(data, deposit, names))
        _pack(root, path, [*names, "ro-crate-metadata.json"])
    return sorted([*names, "ro-crate-metadata.json"])


def unpacked(archive: Path, folder: Path) -> tuple[Path, dict[str, bytes]]:
    """The file of an archive that an import reads, copied to a folder, and the files that the campaign keeps.

    Returns:
        The file; and contents by path, which begins with the hash.

    Raises:
        ConfigurationError: It is no archive of a deposit, or a file in it is not the one that its path names.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            about = opened.getinfo(OBSERVATIONS)
            if about.file_size > _MOST_SMALLER * about.compress_size:
                raise zipfile.BadZipFile(f"{OBSERVATIONS} would be {about.file_size:,} bytes")
            kept = [part for part in opened.infolist() if _KEPT.fullmatch(part.filename)]
            if (size := sum(part.file_size for part in kept)) > _LARGEST:
                raise zipfile.BadZipFile(f"its files would be {size:,} bytes; expected at most {_LARGEST:,}")
            return Path(opened.extract(about, folder)), {part.filename: _kept(opened, part) for part in kept}
    except (OSError, KeyError, RuntimeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"{str(archive)!r} is no archive that `tansaku export --for` wrote: {error}") from error


def _kept(opened: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    """Content of a file that the campaign keeps. Raises BadZipFile where it is not the one that its path names."""
    content = opened.read(part)
    if (found := hashlib.sha256(content).hexdigest()) != part.filename[:64]:
        raise zipfile.BadZipFile(f"{part.filename} has SHA-256 {found}")
    return content


def calculators_of(data: Campaign) -> list[JsonDict]:
    """Codes and models that computed the values, with versions and hashes, and the licence of each model with its source."""
    return data.once(calculators_of, lambda: _calculators(data))


def _calculators(data: Campaign) -> list[JsonDict]:
    found: dict[str, JsonDict] = {}
    for item in data.select("all"):
        source = None if item.outcome is None else item.outcome.provenance
        if source is not None:
            about = source.model_dump(mode="json", include={"code", "code_version", "model", "model_sha256", "settings"})
            about |= {"tansaku_version": source.tansaku_version}
            found[json.dumps(about, sort_keys=True)] = about
    return [about | _licence(data, about) for about in found.values()]


def _licence(data: Campaign, about: JsonDict) -> JsonDict:
    """Licence of the model that computed a value: ``unknown`` with the reason where nothing says it."""
    found = _known_licence(data, about["code"], about["model_sha256"])
    return {"licence": found.words or UNKNOWN, "licence_source": found.source}


def _known_licence(data: Campaign, code: str, sha256: str) -> Licence:
    label = data.spec.label
    given = [data.spec.calculator, None if label is None else label.calculator]
    for spec in (part for item in given if item is not None for part in (item, *item.parts.values())):
        contents = [getattr(spec, file.content) for file in spec.facts.files]
        if spec.code_name() != code:
            continue
        if contents and sha256 not in contents:
            return Licence(None, "the campaign file names another model")
        try:
            return licence_of(spec, Path(data.record.base_path))
        except TansakuError as error:
            return Licence(None, error.message)
    return Licence(None, f"no calculator of the campaign file is {code}")


def datacite(data: Campaign, deposit: Deposit) -> JsonDict:
    """Metadata by the schema of DataCite; the repository adds the identifier."""
    return {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "creators": [_creator(name) for name in deposit.creators],
        "titles": [{"title": title_of(data)}],
        "publisher": {"name": PUBLISHERS[deposit.repository][0]},
        "publicationYear": str(datetime.now(UTC).year),
        "types": {"resourceType": "active-learning campaign", "resourceTypeGeneral": "Dataset"},
        "rightsList": [
            {
                "rightsIdentifier": deposit.licence,
                "rightsIdentifierScheme": "SPDX",
                "rightsUri": LICENCES[deposit.licence],
            }
        ],
        "descriptions": [{"description": description_of(data), "descriptionType": "Abstract"}],
        "dates": [{"date": data.record.created_at.date().isoformat(), "dateType": "Created"}],
        "formats": ["application/zip"],
        "version": data.record.spec_hash,
    }


def ro_crate(data: Campaign, deposit: Deposit, files: Sequence[str]) -> JsonDict:
    """Metadata of the archive as an RO-Crate, which lists its files.

    Args:
        files: Names of the files besides this one.
    """
    creators = [{"@id": f"#creator-{place}", **_agent(name)} for place, name in enumerate(deposit.creators, 1)]
    program = {"@id": "#tansaku", "@type": "SoftwareApplication", "name": "tansaku", "softwareVersion": tansaku.__version__}
    computing = _computing(data)
    publisher, address = PUBLISHERS[deposit.repository]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": title_of(data),
        "description": description_of(data),
        "datePublished": datetime.now(UTC).date().isoformat(),
        "license": {"@id": LICENCES[deposit.licence]},
        "author": _named([creator["@id"] for creator in creators]),
        "publisher": {"@id": address},
        "hasPart": [{"@id": name} for name in files],
        "mentions": _named([program["@id"], *([_COMPUTATION] if computing else [])]),
    }
    about = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    licence = {"@id": LICENCES[deposit.licence], "@type": "CreativeWork", "name": deposit.licence}
    licence["description"] = f"The licence {deposit.licence}"
    parts = [{"@id": name, "@type": "File", "encodingFormat": _type_of(name)} for name in files]
    repository = {"@id": address, "@type": "Organization", "name": publisher, "url": address}
    graph = [about, root, licence, *creators, repository, program, *computing, *parts]
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}


def _computing(data: Campaign) -> list[JsonDict]:
    """The computation of the values, as parts of an RO-Crate: an action, the codes, and their models with licences."""
    parts: dict[str, JsonDict] = {}
    used: dict[str, None] = {}
    for item in calculators_of(data):
        code, model, sha256 = _id(item["code"], item["code_version"]), item["model"], item["model_sha256"]
        parts[code] = {"@type": "SoftwareApplication", "name": item["code"], "softwareVersion": item["code_version"]}
        used[code] = None
        if model:
            words, source = item["licence"], item["licence_source"]
            licence = _id("licence", words, "by", source)
            parts[licence] = {"@type": "CreativeWork", "name": words, "description": source}
            hashed = {"identifier": f"sha256:{sha256}"} if sha256 else {}
            parts[_id(model, sha256)] = {"@type": "CreativeWork", "name": model, "license": {"@id": licence}} | hashed
            used[_id(model, sha256)] = None
    if not parts:
        return []
    action = {"@type": "CreateAction", "name": "Computation of the values", "result": {"@id": OBSERVATIONS}}
    parts[_COMPUTATION] = action | {"instrument": _named(list(used))}
    return [{"@id": name, **part} for name, part in parts.items()]


def _named(ids: Sequence[str]) -> JsonDict | list[JsonDict]:
    """The parts of an RO-Crate with these names; a single one is no list."""
    found = [{"@id": name} for name in ids]
    return found[0] if len(found) == 1 else found


def _id(*words: str) -> str:
    """Name of a part of an RO-Crate that is no file."""
    return f"#{quote(' '.join(filter(None, words)))}"


def title_of(data: Campaign) -> str:
    """Title of the deposit."""
    return f"{data.record.name}: results of an active-learning campaign"


def description_of(data: Campaign) -> str:
    """Contents of the deposit in words."""
    objective = data.spec.objective
    wanted = f"{objective.direction} {objective.property or data.value_key} [{objective.unit}]"
    computed = sorted({_in_words(item) for item in calculators_of(data)})
    by = f", computed by {', '.join(computed)}" if computed else ""
    return (
        f"{len(data.evaluations)} evaluations of the campaign {data.record.name} ({wanted}){by}. "
        f"`tansaku import --observations` reads this archive."
    )


def _in_words(about: JsonDict) -> str:
    """A code and its model, with the licence of the model."""
    model = f" with {about['model']} (licence: {about['licence']})" if about["model"] else ""
    return f"{about['code']} {about['code_version']}{model}"


def _for_repository(data: Campaign, deposit: Deposit) -> dict[str, JsonDict]:
    """Metadata in the form of the repository itself, by file."""
    title, description = title_of(data), description_of(data)
    if deposit.repository == "nomad":  # its authors are users of NOMAD, so that the names of creators go into a comment
        by = f"Created by {'; '.join(deposit.creators)}."
        about = {"name": title, "datetime": data.record.created_at.isoformat(), "description": description}
        method = {"method": "active learning", "lab_id": data.record.spec_hash}
        return {
            "nomad.json": {"upload_name": title, "description": f"{description} {by}", "comment": by},
            "tansaku.archive.json": {"data": {"m_def": _ANALYSIS, **about, **method}, "metadata": {"entry_name": title}},
        }
    licence, today = deposit.licence.lower(), datetime.now(UTC).date().isoformat()
    record = {
        "resource_type": {"id": "dataset"},
        "title": title,
        "description": description,
        "publication_date": today,
        "creators": [{"person_or_org": _person_or_organization(name)} for name in deposit.creators],
        "publisher": PUBLISHERS["zenodo"][0],
        "rights": [{"id": licence}],
        "dates": [{"date": data.record.created_at.date().isoformat(), "type": {"id": "created"}}],
        "formats": ["application/zip"],
        "version": data.record.spec_hash,
    }
    older = {
        "title": title,
        "description": description,
        "upload_type": "dataset",
        "publication_date": today,
        "access_right": "open",
        "creators": [{"name": name} for name in deposit.creators],
        "license": licence,
    }
    access = {"record": "public", "files": "public"}
    return {"invenio-rdm.json": {"access": access, "files": {"enabled": True}, "metadata": record}, ".zenodo.json": older}


def _parts_of(name: str) -> tuple[str, str]:
    """Family and given name; the latter is empty for an organization."""
    family, _, given = (part.strip() for part in name.partition(","))
    return family, given


def _creator(name: str) -> JsonDict:
    """A creator as DataCite has it."""
    family, given = _parts_of(name)
    if not given:
        return {"name": family, "nameType": "Organizational"}
    return {"name": f"{family}, {given}", "nameType": "Personal", "familyName": family, "givenName": given}


def _agent(name: str) -> JsonDict:
    """A creator as RO-Crate has it."""
    family, given = _parts_of(name)
    if not given:
        return {"@type": "Organization", "name": family}
    return {"@type": "Person", "name": f"{given} {family}", "familyName": family, "givenName": given}


def _person_or_organization(name: str) -> JsonDict:
    """A creator as InvenioRDM has it."""
    family, given = _parts_of(name)
    if not given:
        return {"type": "organizational", "name": family}
    return {"type": "personal", "family_name": family, "given_name": given}


def _type_of(name: str) -> str:
    suffix = Path(name).suffix
    return _TYPES.get(suffix) or mimetypes.types_map.get(suffix) or "text/plain"


def _copy_inputs(data: Campaign, root: Path) -> None:
    """Copies the files of the space, and that of a function, which lie beside the campaign file.

    Those of other calculators may be licensed and stay.
    """
    base, calculator = Path(data.record.base_path), data.spec.calculator
    names = [named.path for named in data.spec.space.files()]
    if calculator is not None and calculator.facts.described:
        names += [getattr(calculator, file.path) for file in calculator.facts.files if file.path is not None]
    for name in names:
        path = base / name
        if path.is_file() and not Path(name).is_absolute() and ".." not in Path(name).parts:
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _pack(root: Path, path: Path, names: Sequence[str]) -> None:
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in sorted(names):
                packed.writestr(zipfile.ZipInfo(name, _EARLIEST), (root / name).read_bytes(), zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise ConfigurationError(f"file {str(path)!r} cannot be written: {error.strerror}") from error
