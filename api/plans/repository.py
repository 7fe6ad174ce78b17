"""Queries that a dry run needs."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.experiments.states import StageState
from api.tables import StageRow


class PlanRepository:
    """See the module."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def last_done(self, name: str) -> StageRow | None:
        """The stage of that name that was recorded last, in whatever experiment."""
        done = (StageState.RECORDED, StageState.CACHED)
        query = select(StageRow).where(StageRow.name == name, StageRow.state.in_(done))
        return self.session.scalar(query.order_by(StageRow.ended_at.desc()).limit(1))
