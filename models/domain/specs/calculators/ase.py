"""A calculator of ASE by its name: spec and facts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.plugins import plugin_of
from tansaku.models.domain.specs.base import FilePath, NamesFile, Sha256
from tansaku.models.domain.specs.calculators.ase_table import ASE_CALCULATORS, ase_entry
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, CodeOrigin, Licence, SpecFile
from tansaku.models.domain.specs.calculators.keywords import KeywordName, Keywords, check_keywords
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.workflow import IonBindingSpec

FileName = Annotated[FilePath, NamesFile("potential")]


class AseCalculatorSpec(CalculatorBase):
    """A calculator of ASE from an allow-list, given by its name and keywords.

    Attributes:
        name: Its name, e.g. ``lj`` or ``tblite``.
        keywords: Its keyword arguments; a table lists those that are allowed.
        files: Files that it reads, by keyword (relative to the spec).
        files_sha256: Hash of the files' content; filled in when the spec is resolved, checked when it is given.
        relaxation: How every candidate is relaxed where there is no workflow.
        workflow: Workflow of a molecule; null: the property of its space is computed directly.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.ase_named",
        model="name",
        files=(SpecFile(content="files_sha256", path="files"),),
        keeps_unconverged=True,
        conforms=True,
        example={"name": "emt"},
    )

    type: Literal["ase"] = "ase"
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
    keywords: Keywords = Field(default_factory=dict)
    files: Annotated[dict[KeywordName, FileName], Field(max_length=20)] = Field(default_factory=dict)
    files_sha256: Sha256 | None = None
    relaxation: RelaxationSpec = RelaxationSpec(fmax=0.01, max_steps=500)
    workflow: IonBindingSpec | None = None

    @property
    def licence(self) -> Licence:
        """Licence of the model, as the table says."""
        return ase_entry(self.name).licence

    @property
    def origin(self) -> CodeOrigin:
        """Origin of the code that computes: a plug-in if the name is one of its entries."""
        return "tansaku" if plugin_of("calculators", self.name) is None else "plugin"

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        entry = ase_entry(self.name)
        check_keywords(self.keywords, entry.keywords, self.name)
        for key in self.files:
            if key not in entry.files:
                known = f"expected {' or '.join(entry.files)}" if entry.files else "it reads none"
                raise ValueError(f"files.{key}: {self.name} may not read such a file; {known}")
            endings = entry.endings.get(key, ())
            if endings and not str(self.files[key]).endswith(endings):
                raise ValueError(
                    f"files.{key}: {self.files[key]!r}; expected a name that ends in {' or '.join(endings)}: {self.name} runs "
                    "what the file holds, so take it only from whom you trust"
                )
        for key in entry.required:
            if key not in self.keywords and key not in self.files:
                raise ValueError(f"{'files' if key in entry.files else 'keywords'}.{key}: missing; {self.name} needs it")
        if not entry.stress and self.relaxation.cell != "fixed":
            raise ValueError(f"relaxation.cell: {self.relaxation.cell}; {self.name} gives no stress, expected fixed")
        if self.workflow is not None and entry.charge is None:
            able = " or ".join(name for name, other in ASE_CALCULATORS.items() if other.charge is not None)
            raise ValueError(f"workflow: {self.name} computes no molecules with a charge; expected name {able}")
        if self.workflow is not None and entry.charge in self.keywords:
            raise ValueError(f"keywords.{entry.charge}: the workflow says the charge; remove it")
        return self
