"""All forms, those of rooms and plug-ins among them."""

from __future__ import annotations

from collections.abc import Mapping

from tansaku.deploy.web.spec_forms import boundaries, compositions, experiment, structures, table
from tansaku.deploy.web.spec_forms.fields import found
from tansaku.deploy.web.spec_forms.form import SpecForm
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.rooms import code_behind, spec_forms

_OURS: Mapping[str, SpecForm] = {
    "experiment": experiment.FORM,
    "table": table.FORM,
    "structures": structures.FORM,
    "boundaries": boundaries.FORM,
    "compositions": compositions.FORM,
}


def known_forms() -> Mapping[str, SpecForm]:
    """The forms by the last part of their address."""
    others: dict[str, SpecForm] = {name: code_behind("forms", name, offer.opener) for name, offer in spec_forms().items()}
    return {**_OURS, **others}


def form_of(data: JsonDict) -> SpecForm | None:
    """The form for a spec, by the type of its space; None: it has none."""
    kind = found(data, ("space", "type"))
    return next((form for form in known_forms().values() if form.space == kind), None)
