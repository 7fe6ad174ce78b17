"""Ray's job API over REST, behind a Protocol that a test can stand in for.

Read from Ray 2.60's `dashboard/modules/job/job_head.py`: a submission id that exists is refused with a
message and status 400 or 500, an unknown job is 404, and `stop` answers before the job has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import httpx

from cftray.errors import InfraError

TIMEOUT_S = httpx.Timeout(10.0, connect=3.0)
SUBMIT_TIMEOUT_S = httpx.Timeout(60.0, connect=3.0)


class RayStatus(StrEnum):
    """What Ray says of a job; MISSING: it knows none of that id. A hint, never the truth."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    MISSING = "MISSING"

    @property
    def ended(self) -> bool:
        """Whether no process of the job is left, as far as Ray knows."""
        return self not in (RayStatus.PENDING, RayStatus.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """A job's status with Ray's own words."""

    status: RayStatus
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job to submit. `environment` empty means the cluster's own, without a runtime environment."""

    submission_id: str
    entrypoint: str
    metadata: Mapping[str, str]
    environment: Mapping[str, str]


class RayUnreachable(InfraError):
    """Ray's job API does not answer, or does not let us in."""

    code = "ray-unreachable"


class RayRefused(InfraError):
    """Ray's job API answers, but not with what was asked for."""

    code = "ray-refused"


class Jobs(Protocol):
    """Jobs by submission id. Every method raises RayUnreachable where there is no answer, and RayRefused
    where the answer makes no sense."""

    def submit(self, submission: Submission) -> bool:
        """Start a job; False where one of that id exists already, which is as good."""

    def state(self, submission_id: str) -> JobState:
        """What Ray says of a job."""

    def logs(self, submission_id: str) -> str | None:
        """The driver's output so far; None where Ray has no such job."""

    def stop(self, submission_id: str) -> None:
        """Ask Ray to kill a job; whether it has ended, `state` says. An unknown job is no error."""

    def version(self) -> str:
        """Ray's version, which shows that it can be reached and lets us in."""


class RayJobs:
    """`Jobs` over HTTP."""

    def __init__(self, address: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.address = address
        self._client = httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_S, trust_env=False)

    def submit(self, submission: Submission) -> bool:
        """See Jobs."""
        body = {
            "entrypoint": submission.entrypoint,
            "submission_id": submission.submission_id,
            "metadata": dict(submission.metadata),
            "entrypoint_num_cpus": 0,
        }
        if submission.environment:
            body["runtime_env"] = {"env_vars": dict(submission.environment)}
        response = self._ask("POST", "/api/jobs/", json=body, timeout=SUBMIT_TIMEOUT_S)
        if response.status_code == 200:
            return True
        if "already exists" in response.text:
            return False
        raise self._strange(response)

    def state(self, submission_id: str) -> JobState:
        """See Jobs."""
        response = self._ask("GET", f"/api/jobs/{submission_id}")
        if response.status_code == 404:
            return JobState(status=RayStatus.MISSING)
        body = self._json(response)
        try:
            return JobState(status=RayStatus(str(body.get("status"))), message=str(body.get("message") or ""))
        except ValueError as error:
            raise self._strange(response) from error

    def logs(self, submission_id: str) -> str | None:
        """See Jobs."""
        response = self._ask("GET", f"/api/jobs/{submission_id}/logs")
        return None if response.status_code == 404 else str(self._json(response).get("logs") or "")

    def stop(self, submission_id: str) -> None:
        """See Jobs."""
        response = self._ask("POST", f"/api/jobs/{submission_id}/stop")
        if response.status_code not in (200, 404):
            raise self._strange(response)

    def version(self) -> str:
        """See Jobs."""
        return str(self._json(self._ask("GET", "/api/version")).get("ray_version"))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, method: str, path: str, json: object = None, timeout: httpx.Timeout = TIMEOUT_S) -> httpx.Response:
        try:
            response = self._client.request(method, path, json=json, timeout=timeout)
        except httpx.HTTPError as error:
            raise RayUnreachable(f"Ray at {self.address} can't be reached; see that it runs") from error
        if response.status_code in (401, 403):
            raise RayUnreachable(f"Ray at {self.address} does not let us in; see CFTRAY_RAY_TOKEN")
        return response

    def _json(self, response: httpx.Response) -> dict[str, object]:
        if response.status_code != 200:
            raise self._strange(response)
        try:
            body = response.json()
        except ValueError as error:
            raise self._strange(response) from error
        if not isinstance(body, dict):
            raise self._strange(response)
        return body

    def _strange(self, response: httpx.Response) -> RayRefused:
        lines = response.text.strip().splitlines()
        last = lines[-1][:200] if lines else "nothing"
        return RayRefused(f"Ray at {self.address} answered {response.status_code}: {last}")
