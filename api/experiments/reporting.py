"""Results, report and items of an experiment or an evaluation, from the records of its plan."""

from __future__ import annotations

from api.database import Database
from api.experiments.items import ItemFile, ItemsOf, Phase, item_file
from api.experiments.kinds import Kind, spec_of
from api.experiments.repository import ExperimentRepository
from api.experiments.schemas import ResultsView, SweepResultsView
from api.experiments.service import found
from api.experiments.states import State
from api.refusals import Conflict, NotFound
from api.tables import ExperimentRow
from cftray.bundle import Bundle, make_bundle
from cftray.bundle.reading import href_of
from cftray.plan import Plan
from cftray.recipes import trials_of
from cftray.report.html import html_report
from cftray.report.model_page import model_report
from cftray.report.results import results
from cftray.report.sweep_page import sweep_report
from cftray.report.sweep_picture import PictureFormat, pareto_files
from cftray.report.trials import sweep_results
from cftray.spec import ExperimentSpec, ModelEvaluationSpec, SweepSpec
from cftray.store import Store


class ReportService:
    """All read records, so they hold whatever happened to the job that wrote them."""

    def __init__(self, database: Database, store: Store, kind: Kind = Kind.EXPERIMENT) -> None:
        self.database = database
        self.store = store
        self.kind = kind

    def sweep_results(self, identifier: str) -> SweepResultsView:
        """Of a sweep, likewise."""
        row = self._row(identifier)
        state = State(row.state)
        told = sweep_results(
            _sweep(row), Plan.model_validate_json(row.plan), self.store, row.id, over=state.terminal
        )
        return SweepResultsView(sweep=row.id, state=state, terminal=state.terminal, results=told)

    def pareto(self, identifier: str, kind: PictureFormat) -> bytes:
        """The picture of a sweep's trials. Raises NotFound, or Conflict while there is nothing to show."""
        row = self._row(identifier)
        sweep = _sweep(row)
        told = sweep_results(sweep, Plan.model_validate_json(row.plan), self.store, row.id, intervals=False)
        files = pareto_files(sweep, told)
        if files is None:
            raise Conflict(f"{identifier} is {row.state} and has no trial with scores of both TA and LA yet")
        return files[kind]

    def results(self, identifier: str) -> ResultsView:
        """What is recorded so far; `results.complete` once everything is. Raises NotFound."""
        row = self._row(identifier)
        state = State(row.state)
        spec = spec_of(row)
        asked = spec if isinstance(spec, ExperimentSpec) else None
        told = results(Plan.model_validate_json(row.plan), self.store, asked)
        return ResultsView(experiment=row.id, state=state, terminal=state.terminal, results=told)

    def html(self, identifier: str) -> str:
        """The report. Raises NotFound, or Conflict while there is nothing to show."""
        row = self._row(identifier)
        plan, spec = Plan.model_validate_json(row.plan), spec_of(row)
        if isinstance(spec, SweepSpec):
            return self._sweep_html(row, spec, plan)
        told = results(plan, self.store, spec if isinstance(spec, ExperimentSpec) else None)
        if not told.rows and not any(one.measures for one in told.analyses):
            raise Conflict(f"{identifier} is {row.state} and has no scores yet; a report needs some")
        match spec:
            case ExperimentSpec():
                bundle = make_bundle(spec, plan, self.store, experiment=row.id)
                href = href_of(bundle) if bundle.scores else None
                return html_report(spec, plan, self.store, experiment=row.id, bundle=href)
            case ModelEvaluationSpec():
                return model_report(spec, plan, self.store, evaluation=row.id)
            case _:
                raise NotFound(f"{identifier} scores no model, so it has no report")

    def _sweep_html(self, row: ExperimentRow, sweep: SweepSpec, plan: Plan) -> str:
        told = sweep_results(sweep, plan, self.store, row.id, over=State(row.state).terminal)
        if not any(trial.rungs for trial in told.trials):
            raise Conflict(f"{row.id} is {row.state} and has no scored trial yet; a report needs one")
        best = None if told.best is None else trials_of(sweep)[told.best - 1].spec.model_dump(mode="json")
        return sweep_report(sweep, told, plan, self.store, identifier=row.id, best=best)

    def bundle(self, identifier: str) -> Bundle:
        """What another machine needs to run it again. Raises NotFound, or Conflict while nothing is scored."""
        row = self._row(identifier)
        spec = spec_of(row)
        if not isinstance(spec, ExperimentSpec):
            raise NotFound(f"{identifier} is no experiment; only an experiment has a bundle")
        made = make_bundle(spec, Plan.model_validate_json(row.plan), self.store, experiment=row.id)
        if not made.scores:
            raise Conflict(f"{identifier} is {row.state} and has no scores yet; a bundle needs some to compare with")
        return made

    def items(self, identifier: str, phase: Phase | None, seed: int | None, of: ItemsOf) -> ItemFile:
        """The recorded file of a model's items. Raises NotFound, Conflict and BadParameter as `item_file` does."""
        plan = Plan.model_validate_json(self._row(identifier).plan)
        return item_file(identifier, plan, self.store, phase, seed, of)

    def _row(self, identifier: str) -> ExperimentRow:
        with self.database.read() as session:
            return found(ExperimentRepository(session), identifier, self.kind)


def _sweep(row: ExperimentRow) -> SweepSpec:
    """Raises NotFound where it is none."""
    spec = spec_of(row)
    if not isinstance(spec, SweepSpec):
        raise NotFound(f"{row.id} is no sweep; its trials can't be told")
    return spec
