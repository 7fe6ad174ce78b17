"""What the paper's text says it found, as claims, each held against figures: the paper's own tables, or a run's.

A verdict is computed and never quoted. A claim is about several cases, and each is decided on its own:

    printed figures     by the sign of a difference, of averages that are recomputed; they come without intervals
    a run's figures     by the verdict on the change; inside the noise a case is open
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from cftray.data.published import PLAIN, PaperKey, Similarity, printed_des, printed_mpd
from cftray.data.statistics import Verdict

SIMILAR: Final = (("alpaca", "multialpaca"), ("openorca", "mopenorca"))
"""Phase-wise data sets that encode the same tasks (paper, section 3)."""
REPLAY_AND_FREEZING: Final = ("LF_H1", "LF_H2", "GR_5", "GR_10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A difference of two means, 0 to 1, and the verdict on it; printed figures have none."""

    difference: float
    verdict: Verdict | None = None

    @property
    def rises(self) -> bool | None:
        """Null inside the noise."""
        if self.verdict is None:
            return self.difference > 0
        return None if self.verdict is Verdict.NOISE else self.verdict is Verdict.RISES

    @property
    def falls(self) -> bool | None:
        """Null inside the noise."""
        if self.verdict is None:
            return self.difference < 0
        return None if self.verdict is Verdict.NOISE else self.verdict is Verdict.FALLS

    def __str__(self) -> str:
        noise = ", inside the noise" if self.verdict is Verdict.NOISE else ""
        return f"{self.difference:+.3f}{noise}".replace("-", "−")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A phase 2: `ta` and `la` against its P1, `ta_plain` and `la_plain` against plain phase 2; null: no figures.

    `ta_score` is its own mean of task ability.
    """

    key: PaperKey
    ta: Moved | None = None
    la: Moved | None = None
    ta_plain: Moved | None = None
    la_plain: Moved | None = None
    ta_score: float | None = None


class Ruling(StrEnum):
    """What figures make of a claim."""

    BORNE_OUT = "borne out"
    IN_PART = "borne out in part"
    NOT = "not borne out"
    OPEN = "inside the noise"
    NO_FIGURES = "no figures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One case of a claim, and whether the claim holds in it; null: undecided."""

    text: str
    holds: bool | None


Rule = Literal["all", "most", "mixed"]
"""Which cases of a claim have to hold: all of them; most of them; or `mixed`, where one that does not bears it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A claim with what was made of it."""

    name: str
    text: str
    ruling: Ruling
    instances: tuple[Instance, ...]
    rule: Rule

    @property
    def count(self) -> str:
        """`3 of 4`; of a claim that cases differ, `7 gains of 8`."""
        gains = "gains " if self.rule == "mixed" else ""
        return f"{sum(one.holds is True for one in self.instances)} {gains}of {len(self.instances)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    name: str
    text: str
    instances: Callable[[Sequence[Case]], Iterable[Instance]]
    rule: Rule = "all"


def judge(cases: Sequence[Case]) -> tuple[Judged, ...]:
    """Every claim about scores, held against the cases."""
    return tuple(_judged(claim, tuple(claim.instances(cases))) for claim in CLAIMS)


def judge_similarities() -> tuple[Judged, ...]:
    """The claims about similarities, held against the printed ones."""
    des = _Claim(name="des", text="DES is higher for similar phase-wise data sets", instances=lambda _: ())
    mpd = _Claim(name="mpd", text="MPD is lower for similar phase-wise data sets", instances=lambda _: ())
    return (
        _judged(des, tuple(_compared("DES", printed_des(), higher=True))),
        _judged(mpd, tuple(_compared("MPD", printed_mpd(), higher=False))),
    )


def _judged(claim: _Claim, instances: tuple[Instance, ...]) -> Judged:
    ruling = _ruling([one.holds for one in instances], claim.rule)
    return Judged(name=claim.name, text=claim.text, ruling=ruling, instances=instances, rule=claim.rule)


def _ruling(holds: Sequence[bool | None], rule: Rule) -> Ruling:
    if not holds:
        return Ruling.NO_FIGURES
    true, false = holds.count(True), holds.count(False)
    undecided = len(holds) - true - false
    match rule:
        case "most":
            borne_out, lost = 2 * true > len(holds), 2 * (true + undecided) <= len(holds)
        case "mixed":
            borne_out, lost = bool(false), true == len(holds)
        case _:
            if true and (false or undecided):
                return Ruling.IN_PART
            borne_out, lost = true == len(holds), bool(false)
    return Ruling.BORNE_OUT if borne_out else Ruling.NOT if lost else Ruling.OPEN


def _compared(name: str, found: Sequence[Similarity], *, higher: bool) -> Iterator[Instance]:
    """Each similar pair against each dissimilar one with the same phase 2."""
    similar = [one for one in found if (one.phase1, one.phase2) in SIMILAR]
    for one in similar:
        for other in found:
            if other.phase2 == one.phase2 and other not in similar:
                after = ", ".join(f"{pair.value:.3f} after {pair.phase1}" for pair in (one, other))
                holds = one.value > other.value if higher else one.value < other.value
                yield Instance(text=f"{one.phase2}: {name} {after}", holds=holds)


def _plain(cases: Sequence[Case], *, similar: bool) -> Iterator[Case]:
    for case in cases:
        if case.key.strategy == PLAIN and ((case.key.phase1, case.key.phase2) in SIMILAR) is similar:
            yield case


def _mitigated(cases: Sequence[Case], model: str, strategies: Sequence[str]) -> Iterator[Case]:
    """Cases of the model; a run whose model is none of the paper's stands for either."""
    for case in cases:
        if case.key.model in (model, None) and case.key.strategy in strategies:
            yield case


def _similar_keep(cases: Sequence[Case]) -> Iterator[Instance]:
    for case in _plain(cases, similar=True):
        if case.ta is not None:
            yield Instance(text=f"{case.key}: TA {case.ta}", holds=case.ta.falls is not True)


def _dissimilar_decline(cases: Sequence[Case]) -> Iterator[Instance]:
    for case in _plain(cases, similar=False):
        if case.ta is not None:
            yield Instance(text=f"{case.key}: TA {case.ta}", holds=case.ta.falls)


def _language_rises(cases: Sequence[Case]) -> Iterator[Instance]:
    for case in cases:
        if case.key.strategy == PLAIN and case.la is not None:
            yield Instance(text=f"{case.key}: LA {case.la}", holds=case.la.rises)


def _helped(model: str, strategies: Sequence[str]) -> Callable[[Sequence[Case]], Iterator[Instance]]:
    """Task ability against plain phase 2."""

    def instances(cases: Sequence[Case]) -> Iterator[Instance]:
        for case in _mitigated(cases, model, strategies):
            if case.ta_plain is not None:
                yield Instance(text=f"{case.key}: TA {case.ta_plain} against plain P2", holds=case.ta_plain.rises)

    return instances


def _llama_mixed(cases: Sequence[Case]) -> Iterator[Instance]:
    for case in _mitigated(cases, "llama-3-8b", REPLAY_AND_FREEZING):
        for suite, moved in (("TA", case.ta_plain), ("LA", case.la_plain)):
            if moved is not None:
                yield Instance(text=f"{case.key}: {suite} {moved} against plain P2", holds=moved.rises)


def _english_replay(cases: Sequence[Case]) -> Iterator[Instance]:
    """ER_10 against the best of replay and freezing on the same data, by the means alone."""
    for case in cases:
        rivals = [
            (other.ta_score, other.key.strategy)
            for other in cases
            if other.ta_score is not None
            and other.key.strategy in REPLAY_AND_FREEZING
            and (other.key.model, other.key.phase1, other.key.phase2)
            == (case.key.model, case.key.phase1, case.key.phase2)
        ]
        if case.key.strategy == "ER_10" and case.ta_score is not None and rivals:
            best, name = max(rivals)
            text = f"{case.key}: TA {case.ta_score:.3f}, the best of LF and GR {best:.3f} ({name})"
            yield Instance(text=text, holds=case.ta_score >= best)


CLAIMS: Final = (
    _Claim(
        name="similar",
        text="With similar phase-wise data sets, task ability does not decline in phase 2",
        instances=_similar_keep,
    ),
    _Claim(
        name="dissimilar",
        text="With dissimilar phase-wise data sets, task ability declines in phase 2",
        instances=_dissimilar_decline,
    ),
    _Claim(name="language", text="Language ability rises in most cells", instances=_language_rises, rule="most"),
    _Claim(
        name="mitigations",
        text="Generative replay and layer freezing reduce the decline for Mistral",
        instances=_helped("mistral-7b", REPLAY_AND_FREEZING),
    ),
    _Claim(
        name="llama",
        text="Llama-3 does not gain consistently from the mitigations",
        instances=_llama_mixed,
        rule="mixed",
    ),
    _Claim(
        name="english-replay",
        text="English replay is a strong baseline: no replay or freezing keeps more task ability",
        instances=_english_replay,
    ),
    _Claim(
        name="lora",
        text="LoRA forgets less than full fine-tuning on Mistral",
        instances=_helped("mistral-7b", ("LoRA",)),
    ),
)
"""The claims of the paper's text that its tables of scores can decide."""
