"""Models and sets of the hub against a small server that speaks the hub's protocol."""

import http.server
import json
import threading

import pytest

from cftray.errors import DataError, ModelError
from cftray.plan import Leaf, LeafKind
from cftray.store import LeafDigests, locate_model
from cftray.store.hub import is_hub_id

COMMIT = "c" * 40
FILES = {"config.json": b"{}", "model.safetensors": b"weights", "notes.md": b"not fetched"}
SET_FILES = {"README.md": b"what it is", "rows.jsonl": b"{}", "load.py": b"raise SystemExit"}


class Hub(http.server.BaseHTTPRequestHandler):
    """A model and a data set, both `team/tiny`, whose branches main stand at COMMIT."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        path = self.path.partition("?")[0]
        files = SET_FILES if "datasets" in path else FILES
        path = path.replace("/api/datasets/", "/api/models/").removeprefix("/datasets")
        if path in {"/api/models/team/tiny"} | {f"/api/models/team/tiny/revision/{one}" for one in ("main", COMMIT)}:
            siblings = [{"rfilename": name} for name in files]
            self.send(200, json.dumps({"id": "team/tiny", "sha": COMMIT, "siblings": siblings}).encode(), body)
        elif path.startswith(f"/team/tiny/resolve/{COMMIT}/"):
            self.send(200, files[path.rpartition("/")[2]], body)
        elif path == f"/api/models/team/tiny/tree/{COMMIT}":
            tree = [{"type": "file", "path": name, "size": len(data), "oid": "0" * 40} for name, data in files.items()]
            self.send(200, json.dumps(tree).encode(), body)
        elif "/revision/" in path and "team/tiny" in path:
            self.send(404, b"{}", body, {"X-Error-Code": "RevisionNotFound"})
        else:
            self.send(404, b"{}", body, {"X-Error-Code": "RepoNotFound"})

    def send(self, status, content, body, headers=None):
        self.send_response(status)
        own = {"X-Repo-Commit": COMMIT, "ETag": f'"{hash(content) & 0xFFFFFF:x}"', "Content-Length": str(len(content))}
        for name, value in (own | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    yield endpoint
    server.shutdown()
    server.server_close()


def leaf(revision=None, name="team/tiny"):
    return Leaf(kind=LeafKind.MODEL, location=name, revision=revision)


def test_a_branch_becomes_its_commit(hub, tmp_path):
    digests = LeafDigests(tmp_path / "leaves")
    assert digests.known(leaf()) == COMMIT
    assert digests.known(leaf("main")) == COMMIT
    assert digests.known(leaf("d" * 40)) == "d" * 40


def test_an_unknown_model_or_revision_is_refused(hub, tmp_path):
    digests = LeafDigests(tmp_path / "leaves")
    with pytest.raises(ModelError, match="no such model on the hub"):
        digests.known(leaf(name="team/none"))
    with pytest.raises(ModelError, match="has no revision v9"):
        digests.known(leaf("v9"))


def test_a_hub_that_can_not_be_reached_is_said_so(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(ModelError, match="can't be reached"):
        LeafDigests(tmp_path).known(leaf())


def test_a_commit_is_fetched_without_what_no_model_needs(hub):
    folder = locate_model("team/tiny", COMMIT)
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert not (folder / "notes.md").exists()


def test_a_set_is_fetched_at_its_commit_without_the_code_that_may_lie_with_it(hub, tmp_path):
    digests = LeafDigests(tmp_path / "leaves")
    own = Leaf(kind=LeafKind.HUB_SET, location="team/tiny", revision="main")
    assert digests.known(own) == COMMIT
    folder = digests.place(own, COMMIT)
    assert {path.name for path in folder.iterdir()} == {"README.md", "rows.jsonl"}
    assert digests.still(own, COMMIT)


def test_of_a_set_only_the_files_that_are_wanted_are_fetched(hub, tmp_path):
    wanted = Leaf(kind=LeafKind.HUB_SET, location="team/tiny", patterns=("*.jsonl",))
    folder = LeafDigests(tmp_path / "leaves").place(wanted, COMMIT)
    assert {path.name for path in folder.iterdir()} == {"rows.jsonl"}


def test_an_unknown_set_is_the_datas_fault(hub, tmp_path):
    with pytest.raises(DataError, match="no such set on the hub"):
        LeafDigests(tmp_path / "leaves").known(Leaf(kind=LeafKind.HUB_SET, location="team/none"))


@pytest.mark.parametrize(
    ("text", "expected"), [("a/b", True), ("/a/b", False), ("./a", False), ("a", False), ("a/b/c", False)]
)
def test_what_a_hub_id_looks_like(text, expected):
    assert is_hub_id(text) is expected
