"""Rows become token arrays whose loss mask is the response, whatever the template."""

import json
from dataclasses import replace

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from cftray.data.adapters import write_rows
from cftray.data.rows import Row
from cftray.data.templates import load_template
from cftray.data.tokenize import run
from cftray.data.tokenized import TokenizedData, TokenizedWriter
from cftray.errors import DataError
from cftray.plan import TokenizeConfig
from cftray.spec import ExecutionSpec
from cftray.stage import StageContext

ROWS = [
    Row(id="a", instruction="Add the numbers.", input="1 and 2", output="3"),
    Row(id="b", instruction="Grüße höflich.", output="Schönen guten Tag!", language="de"),
]


@pytest.fixture
def model(tmp_path):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["### Response:\n", "Add the numbers."], trainer)
    folder = tmp_path / "model"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "eos_token": "</s>"}))
    return folder


def tokenize(tmp_path, model, rows=ROWS, **config):
    source = tmp_path / "rows.jsonl"
    write_rows(source, rows)
    folder = tmp_path / f"attempt{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    context = StageContext(folder=folder, execution=ExecutionSpec(), workers=None, stop=tmp_path / "stop")
    settings = {"template": "alpaca", "max_length": 512} | config
    artifact = run(TokenizeConfig(**settings), {"rows": source, "model": model}, context)
    return artifact, TokenizedData.open(artifact.outputs["tokens"])


def test_the_loss_is_on_the_response_and_its_end(tmp_path, model):
    _, data = tokenize(tmp_path, model)
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    learned = []
    for index in range(len(data)):
        tokens, mask = data.tokens(index), data.supervised(index)
        learned.append(tokenizer.decode([int(t) for t, m in zip(tokens, mask, strict=True) if m], False))
        assert tokenizer.decode([int(tokens[0])], False) == "<s>"
        assert list(tokens).count(tokenizer.token_to_id("<s>")) == 1
    assert learned == ["3</s>", "Schönen guten Tag!</s>"]


def test_counts_are_kept_by_language(tmp_path, model):
    artifact, data = tokenize(tmp_path, model)
    composition = artifact.details["composition"]
    assert {language: one["samples"] for language, one in composition.items()} == {"de": 1, "en": 1}
    assert sum(one["tokens"] for one in composition.values()) == artifact.metrics["tokens"] == data.lengths().sum()
    assert artifact.metrics["supervised_tokens"] == data.supervised_counts().sum()


def test_a_row_that_is_cut_before_its_response_is_left_out_and_counted(tmp_path, model):
    long = Row(id="c", instruction="word " * 400, output="never seen")
    artifact, data = tokenize(tmp_path, model, [*ROWS, long])
    assert len(data) == 2
    assert artifact.metrics["truncated"] == 1
    assert artifact.metrics["without_supervised_tokens"] == 1


def test_data_without_any_supervised_token_are_refused(tmp_path, model):
    with pytest.raises(DataError, match="none of 2 rows has a supervised token within max_length 8"):
        tokenize(tmp_path, model, max_length=8)


def test_no_rows_at_all_are_refused_with_where_to_look(tmp_path, model):
    with pytest.raises(DataError, match="no row to learn from; of a replay, the stage before"):
        tokenize(tmp_path, model, rows=[])


def test_the_template_text_is_kept_with_the_tokens(tmp_path, model):
    artifact, _ = tokenize(tmp_path, model)
    assert "### Response:" in json.loads((artifact.outputs["tokens"] / "meta.json").read_text())["template_text"]


def test_every_file_is_what_offsets_read_row_by_row_would_give(tmp_path, model):
    rows = [replace(row, id=f"{number}", output=row.output * (number % 7)) for number, row in enumerate(ROWS * 150)]
    artifact, _ = tokenize(tmp_path, model, rows, max_length=150)
    tokenizer, template = Tokenizer.from_file(str(model / "tokenizer.json")), load_template("alpaca", model)
    writer = TokenizedWriter(tmp_path / "plain")
    for row in rows:
        text = template.render(row)
        encoding = tokenizer.encode(text.prompt + text.response, add_special_tokens=False)
        marks = [int(start >= len(text.prompt)) for start, _ in encoding.offsets][:150]
        if any(marks[1:]):
            writer.add(encoding.ids[:150], marks, row.language)
    writer.close(template_text=template.text, max_length=150)
    for path in (tmp_path / "plain").iterdir():
        assert path.read_bytes() == (artifact.outputs["tokens"] / path.name).read_bytes(), path.name
    assert artifact.metrics["truncated"] > 0


def test_padding_and_truncation_of_the_tokenizers_own_count_for_nothing(tmp_path, model):
    _, without = tokenize(tmp_path, model)
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(4)
    tokenizer.save(str(model / "tokenizer.json"))
    _, data = tokenize(tmp_path, model)
    assert data.digest == without.digest
