"""One suite over Ray's job API and over the fake that stands for it in the other tests.

Over Ray it needs a head, which the fixture `ray_head` starts (`dashboard`, `token`).
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from api.ray_jobs import Jobs, JobState, RayJobs, RayStatus, RayUnreachable, Submission
from tests.unit.api.fakes import FakeJobs

DEADLINE_S = 90.0


@dataclass
class Cluster:
    """Jobs, and a way to let the job of an id come to its end."""

    jobs: Jobs
    finish: Callable[[str, str], None]

    def until(self, submission_id: str, wanted: Callable[[JobState], bool]) -> JobState:
        """Ask until the state is as wanted; the last one where it never is."""
        deadline = time.monotonic() + DEADLINE_S
        while not wanted(state := self.jobs.state(submission_id)) and time.monotonic() < deadline:
            time.sleep(0.2)
        return state


def _fake() -> Cluster:
    jobs = FakeJobs()

    def finish(submission_id: str, output: str) -> None:
        jobs.outputs[submission_id] += output
        jobs.end(submission_id, RayStatus.SUCCEEDED)

    return Cluster(jobs=jobs, finish=finish)


@pytest.fixture(params=["fake", "ray"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if request.param == "fake":
        yield _fake()
        return
    head = request.getfixturevalue("ray_head")
    jobs = RayJobs(head.dashboard, head.token)
    yield Cluster(jobs=jobs, finish=lambda *_: None)
    jobs.close()


def submission(code: str) -> Submission:
    return Submission(
        submission_id=f"cftray-{uuid.uuid4().hex[:12]}-1",
        entrypoint=f'{sys.executable} -c "{code}"',
        metadata={"name": "contract", "attempt": "1"},
        environment={},
    )


def test_a_job_runs_to_its_end_and_leaves_its_output(cluster: Cluster) -> None:
    job = submission("print(6 * 7)")
    assert cluster.jobs.submit(job) is True
    cluster.finish(job.submission_id, "42\n")
    assert cluster.until(job.submission_id, lambda state: state.status.ended).status is RayStatus.SUCCEEDED
    assert "42" in (cluster.jobs.logs(job.submission_id) or "")


def test_a_second_submission_of_the_same_id_is_refused_and_harmless(cluster: Cluster) -> None:
    job = submission("import time; time.sleep(60)")
    assert cluster.jobs.submit(job) is True
    assert cluster.jobs.submit(job) is False
    cluster.jobs.stop(job.submission_id)


def test_a_running_job_can_be_stopped(cluster: Cluster) -> None:
    job = submission("import time; time.sleep(600)")
    cluster.jobs.submit(job)
    cluster.until(job.submission_id, lambda state: state.status is RayStatus.RUNNING)
    cluster.jobs.stop(job.submission_id)
    assert cluster.until(job.submission_id, lambda state: state.status.ended).status is RayStatus.STOPPED


def test_a_job_that_nobody_knows_is_missing(cluster: Cluster) -> None:
    assert cluster.jobs.state("cftray-nobody-1").status is RayStatus.MISSING
    assert cluster.jobs.logs("cftray-nobody-1") is None
    cluster.jobs.stop("cftray-nobody-1")


def test_a_cluster_that_answers_says_its_version(cluster: Cluster) -> None:
    assert cluster.jobs.version()


def test_a_cluster_that_does_not_answer_is_told_apart() -> None:
    jobs = RayJobs("http://127.0.0.1:9", "a-token")
    for ask in (jobs.version, lambda: jobs.state("x"), lambda: jobs.logs("x"), lambda: jobs.submit(submission("1"))):
        with pytest.raises(RayUnreachable):
            ask()


@pytest.mark.slow
def test_a_wrong_token_is_told_in_words(request: pytest.FixtureRequest) -> None:
    head = request.getfixturevalue("ray_head")
    with pytest.raises(RayUnreachable, match="CFTRAY_RAY_TOKEN"):
        RayJobs(head.dashboard, "not-the-token").version()
