"""Running a bundle again from Python: look first, then submit, then compare.

look = client.reproduction(read_bundle("report.html"), given={"ALPACA_DATA": "alpaca.json"})
look.versions, look.stages, look.leaves       # what differs before anything runs
run = look.submit().wait()
look.compare(run).outcome                     # identical, inside or differs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cftray.bundle.comparing import Comparison, StageCompared, compare, compared_stages, compared_versions, made_by
from cftray.bundle.document import Bundle
from cftray.bundle.places import filled
from cftray.bundle.stages import other_leaves
from cftray.client_errors import ClientError
from cftray.errors import Fault, SpecRefused
from cftray.plan import sha256_of

if TYPE_CHECKING:
    from cftray.client import Client, Run

MOST_LABELS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherLeaf:
    """Data or a model whose content here is not what it was there."""

    stage: str
    location: str
    there: str
    here: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A bundle beside what the service would do with its spec; `planned` is that as a bundle, nothing of it run yet."""

    client: Client
    bundle: Bundle
    document: dict[str, Any]
    planned: Bundle

    @property
    def stages(self) -> tuple[StageCompared, ...]:
        """Each stage: whether it is the same, and whether it is recorded here already (`reused`)."""
        return compared_stages(self.bundle, self.planned)

    @property
    def versions(self) -> dict[str, tuple[str | None, str | None]]:
        """Versions that made the bundle and those where the service runs, as far as not the same. A control plane
        without a package (null) leaves open which one its workers have."""
        return compared_versions(made_by(self.bundle), self.planned.service)

    @property
    def leaves(self) -> list[OtherLeaf]:
        """Data and models with other content: with them it is another experiment."""
        return [
            OtherLeaf(stage=stage, location=location, there=there, here=here)
            for stage, location, there, here in other_leaves(self.bundle, self.planned)
        ]

    @property
    def same(self) -> bool:
        """Whether every stage is the bundle's by its fingerprint."""
        return all(stage.same for stage in self.stages)

    def submit(self, *, anyway: bool = False) -> Run:
        """Start it as a new experiment whose labels name the bundle. Raises SpecRefused where data or models are not
        the bundle's, unless `anyway`."""
        others = self.leaves
        if others and not anyway:
            raise SpecRefused(
                Fault(
                    path=one.location,
                    given=f"digest {one.here[:12]}…",
                    expected=f"{one.there[:12]}…, as {one.stage} read it: give that file, or run it --anyway",
                )
                for one in others
            )
        return self.client.submit(self.document)

    def compare(self, run: Run) -> Comparison:
        """The run held against the bundle."""
        return compare(self.bundle, bundle_of(run))


def reproduction(client: Client, bundle: Bundle, given: Mapping[str, str] | None = None) -> Reproduction:
    """Look what a bundle's spec would do here; nothing is stored or started.

    `given` are paths for the bundle's variables; others come from the environment. Raises SpecRefused with every
    place that is not given, and with what the service has against the spec.
    """
    from cftray.client_documents import document_of

    document = document_of(filled(bundle.spec, bundle.places, given or {}))
    document["labels"] = [*document.get("labels", ())[: MOST_LABELS - 2], *_origin(bundle)]
    plan = client.ask("POST", "/v1/plans", json=document, params={"bundle": True})
    if plan.get("bundle") is None:
        raise ClientError(f"{client.url} tells no digests with a plan: it is older than bundles; update the service")
    planned = Bundle.model_validate(plan["bundle"])
    return Reproduction(client=client, bundle=bundle, document=document, planned=planned)


def bundle_of(run: Run) -> Bundle:
    """The bundle of an experiment of the service."""
    return Bundle.model_validate(run.client.ask("GET", f"{run.path}/bundle"))


def _origin(bundle: Bundle) -> list[str]:
    """Labels that name where a spec comes from."""
    named = [f"reproduces-{bundle.experiment}"] if bundle.experiment else []
    return [*named, f"bundle-{sha256_of(bundle.model_dump(mode='json'))[:12]}"]
