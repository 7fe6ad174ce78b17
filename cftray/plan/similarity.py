"""The stages that compare data sets before any training, and what can be said against them without reading a file.

    rows of each set, encoder ── DES

Rows have the fingerprints that they have in an experiment: what was read there is not read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cftray.errors import Fault
from cftray.plan.analysing import LABSE
from cftray.plan.analysis_stages import DesConfig
from cftray.plan.checks import data_faults
from cftray.plan.datasets import Datasets
from cftray.plan.leaves import encoder_leaf
from cftray.plan.nodes import Digests, Nodes, Source
from cftray.plan.plan import Plan
from cftray.spec.data import DataSpec, FileData, HubData
from cftray.spec.model import ModelRef
from cftray.spec.similarity import SimilaritySpec

DES = "des"
ENCODER = "encoder"
"""The name of the stage's input that is no set."""


def build_similarity_plan(spec: SimilaritySpec, digests: Digests) -> Plan:
    """The stages that read the sets and compare them. There is no model, and so no outcome."""
    nodes = Nodes(digests, replicas=1)
    datasets = Datasets(nodes)
    inputs: dict[str, Source] = {ENCODER: nodes.leaf(encoder_leaf(similarity_encoder(spec)))}
    inputs |= {one.name: datasets.named(one.name, one.data) for one in spec.sets}
    config = DesConfig(samples=spec.samples, seed=spec.seed, text=spec.text)
    nodes.add(DES, f"DES of {len(spec.sets)} sets", config, inputs)
    return Plan(stages=nodes.all(), outcomes=())


def similarity_encoder(spec: SimilaritySpec) -> ModelRef:
    """The encoder asked for, else LaBSE."""
    return spec.encoder or ModelRef(model=LABSE)


def similarity_faults(spec: SimilaritySpec) -> list[Fault]:
    """Every fault that the spec alone shows."""
    found = [*_name_faults(spec), *_same_faults(spec), *_size_faults(spec)]
    for place, one in enumerate(spec.sets):
        found += data_faults(f"sets[{place}].data", one.data)
    return found


def _name_faults(spec: SimilaritySpec) -> Iterator[Fault]:
    counts = Counter(one.name for one in spec.sets)
    for place, one in enumerate(spec.sets):
        if counts[one.name] > 1:
            yield Fault(path=f"sets[{place}].name", given=one.name, expected="a name that no other set has")
        elif one.name == ENCODER:
            expected = "another name: this one stands for what embeds the sets"
            yield Fault(path=f"sets[{place}].name", given=one.name, expected=expected)


def _same_faults(spec: SimilaritySpec) -> Iterator[Fault]:
    """A set compared with itself has DES 1, which is more likely a slip than a question."""
    plain = [_rows_of(one.data) for one in spec.sets]
    for place, one in enumerate(spec.sets):
        first = plain.index(plain[place])
        if first < place:
            expected = f"another set: this is {spec.sets[first].name} again, whose DES with itself is 1"
            yield Fault(path=f"sets[{place}].data", given=one.data.source[:80], expected=expected)


def _rows_of(data: DataSpec) -> DataSpec:
    """The data without English counterparts, of which nothing is read here."""
    return data.model_copy(update={"english": None}) if isinstance(data, FileData | HubData) else data


def _size_faults(spec: SimilaritySpec) -> Iterator[Fault]:
    """Sets that are known to be too small; of others the stage says so once it has their rows."""
    for place, one in enumerate(spec.sets):
        size = one.data.samples
        if size is not None and size < spec.samples:
            expected = f"{spec.samples} rows or more, as many as are embedded of each set (samples)"
            yield Fault(path=f"sets[{place}].data.samples", given=str(size), expected=expected)
