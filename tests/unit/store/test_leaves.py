"""What stands for a sentence encoder that lies in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from cftray.errors import DataError, ModelError
from cftray.plan import Leaf, LeafKind
from cftray.store import LeafDigests, locate_encoder


def encoder(folder: Path, *, dense: str = "weights") -> Path:
    for name in ("1_Pooling", "2_Dense"):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(f'{{"module": "{name}"}}')
    (folder / "modules.json").write_text("[]")
    (folder / "2_Dense" / "model.safetensors").write_text(dense)
    return folder


def digest(store: Path, folder: Path | str) -> str | None:
    return LeafDigests(store).known(Leaf(kind=LeafKind.ENCODER, location=str(folder)))


def test_the_modules_in_an_encoder_s_folders_count(tmp_path: Path) -> None:
    one, same = encoder(tmp_path / "one"), encoder(tmp_path / "same")
    other = encoder(tmp_path / "other", dense="others")
    assert digest(tmp_path / "s", one) == digest(tmp_path / "s", same)
    assert digest(tmp_path / "s", one) != digest(tmp_path / "s", other)


def test_a_relative_path_is_the_same_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = digest(tmp_path / "s", encoder(tmp_path / "one"))
    monkeypatch.chdir(tmp_path)
    assert digest(tmp_path / "t", "one") == whole


def test_a_folder_of_something_else_is_no_encoder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"modules\.json"):
        locate_encoder(str(tmp_path))


def test_files_of_a_folder_may_be_told_by_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "flores"
    folder.mkdir()
    (folder / "LICENSE").write_text("not a sentence")
    leaf = Leaf(kind=LeafKind.FILES, location=str(folder), named=True, patterns=("*.devtest",))
    with pytest.raises(DataError, match=r"named like \*\.devtest"):
        LeafDigests(tmp_path / "store").known(leaf)
    (folder / "deu.devtest").write_text("ein Satz")
    first = LeafDigests(tmp_path / "store").known(leaf)
    (folder / "LICENSE").write_text("another text")
    assert LeafDigests(tmp_path / "store").known(leaf) == first
    (folder / "deu.devtest").rename(folder / "fra.devtest")
    assert LeafDigests(tmp_path / "store").known(leaf) != first
