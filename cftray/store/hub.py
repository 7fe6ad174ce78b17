"""Models and data sets of the Hugging Face hub: a revision becomes a commit, a commit becomes a folder.

The commit is the identity: a branch that moves on is another model or set. `HF_ENDPOINT`, `HF_HOME` and
`HF_TOKEN` mean what they mean everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cftray.errors import CFTRayError, DataError, InfraError, ModelError

TIMEOUT_S = 10.0

Kind = Literal["model", "dataset"]

ERRORS: dict[Kind, type[CFTRayError]] = {"model": ModelError, "dataset": DataError}
NOUNS: dict[Kind, str] = {"model": "no such folder, and no such model on the hub", "dataset": "no such set on the hub"}

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_hub_id(location: str) -> bool:
    """Whether a location has the form `owner/name`."""
    return HUB_ID.fullmatch(location) is not None


def commit_of(repository: str, revision: str | None, kind: Kind = "model") -> str:
    """The commit that a branch or tag stands for now; a full commit stands for itself.

    Raises ModelError, or DataError of a set, where the hub has none such or can't be reached.
    """
    if revision is not None and re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    refused = ERRORS[kind]
    try:
        commit = HfApi().repo_info(repository, repo_type=kind, revision=revision, timeout=TIMEOUT_S).sha
    except GatedRepoError as error:
        raise refused(f"{repository}: is gated; accept its terms on the hub and set HF_TOKEN") from error
    except RevisionNotFoundError as error:
        raise refused(f"{repository}: has no revision {revision}") from error
    except RepositoryNotFoundError as error:
        raise refused(f"{repository}: {NOUNS[kind]}") from error
    except Exception as error:
        absent = "no such folder, and the" if kind == "model" else "the"
        raise refused(f"{repository}: {absent} hub can't be reached ({_short(error)})") from error
    if commit is None:
        raise refused(f"{repository}: the hub names no commit for revision {revision or 'main'}")
    return str(commit)


def fetch(repository: str, commit: str | None, patterns: Sequence[str], kind: Kind = "model") -> Path:
    """The folder of a commit in the hub's cache, downloaded where it is not there yet.

    Raises InfraError where the download fails.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, repo_type=kind, revision=commit, allow_patterns=list(patterns)))
    except Exception as error:
        raise InfraError(f"{repository}: could not be fetched from the hub ({_short(error)})") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
