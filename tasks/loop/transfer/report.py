"""Report on a campaign's transfer: read from its refits, written to the audit log, shown to users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Event, JsonDict, Refit
from tansaku.models.engine.transfer.data import KEY

CHANGED = "transfer.changed"
KEPT = "transfer.kept"


def source_artifacts(store: CampaignStore, record: CampaignRecord) -> Iterator[str]:
    """Content hashes of the source data that a campaign needs, each once: those of its spec and those its refits used."""
    if record.spec.get("transfer") is not None:
        yield from named_sources(record, store.refits(record.name))


def named_sources(record: CampaignRecord, refits: Sequence[Refit]) -> Iterator[str]:
    """Does the same as :func:`source_artifacts` for given refits."""
    transfer = record.spec.get("transfer")
    if transfer is None:
        return
    found = [source["sha256"] for source in transfer["sources"] if source["type"] == "campaign" and source["sha256"]]
    for refit in refits:
        found += [item["sha256"] for item in refit.hyperparameters.get(KEY, {}).get("sources", ())]
    yield from dict.fromkeys(found)


def decision(refit: Refit) -> JsonDict | None:
    """Returns a refit's decision about transfer with its evidence; None for a campaign without transfer."""
    kept: JsonDict | None = refit.hyperparameters.get(KEY)
    if kept is None or "hyperparameters" not in refit.fitted or not refit.ok:
        return None
    return {
        "refit": refit.number,
        "at_proposal": refit.at_proposal,
        "mode": kept["mode"],
        "before": kept["previous_mode"],
        "observations": refit.hyperparameters["n_observed"],
        "correlation": kept["correlation"],
        "evidence": kept["evidence"],
        "gain": kept.get("gain", {}),
        "failures": kept["failures"],
        "source_skill": kept["source_fit"]["skill"],
        "sources": kept["sources"],
    }


def transfer_event(refit: Refit) -> Event | None:
    """Returns the audit event of a refit's decision, with an id that makes repeats idempotent."""
    found = decision(refit)
    if found is None:
        return None
    kind = KEPT if found["mode"] == found["before"] else CHANGED
    evidence = {mode: round(item["log_density"] + item["prior"], 3) for mode, item in found["evidence"].items()}
    keys = ("refit", "at_proposal", "mode", "before", "observations", "correlation", "gain", "failures")
    data = {key: found[key] for key in keys}
    return Event(
        id=short_hash([refit.campaign, "transfer", refit.number]),
        campaign=refit.campaign,
        kind=kind,
        at=refit.fitted_at,
        data={**data, "evidence": evidence, "sources": [source["sha256"] for source in found["sources"]]},
    )


def transfer_report(refits: Sequence[Refit]) -> JsonDict | None:
    """A campaign's transfer so far: the mode in use with its evidence, and every change; None without any."""
    decisions = [made for refit in refits if (made := decision(refit)) is not None]
    if not decisions:
        return None
    changes = [
        {key: item[key] for key in ("at_proposal", "before", "mode", "observations")}
        for item in decisions
        if item["mode"] != item["before"]
    ]
    return {"now": decisions[-1], "changes": changes}
