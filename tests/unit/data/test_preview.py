"""A preview shows what the tokenising stage makes of the rows, and says which rows it looked at."""

import json

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from cftray.data.adapters import write_rows
from cftray.data.looking import Looked
from cftray.data.preview import Viewer, lengths_of
from cftray.data.rows import Row
from cftray.data.tokenize import run
from cftray.data.tokenized import TokenizedData
from cftray.errors import DataError, ModelError
from cftray.plan import TokenizeConfig
from cftray.spec import ExecutionSpec, TextTemplate
from cftray.stage import StageContext

ROWS = [
    Row(id="a", instruction="Add the numbers.", input="1 and 2", output="3"),
    Row(id="b", instruction="Grüße höflich.", output="Schönen guten Tag, 您好!", language="de"),
    Row(id="c", instruction="word " * 40, output="never seen"),
    Row(id="d", instruction="Count.", output="1 2 3 4 5 6 7 8 9 " * 6),
]
PLAIN = TextTemplate(
    text="{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% if m['role'] == 'assistant' %}{{ eos_token }}"
    "{% else %}:{% endif %}{% endfor %}"
)


@pytest.fixture
def model(tmp_path):
    """Byte-level, so that letters beyond ASCII are several tokens; `:3` is one, over the border of row a."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=259, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator([":3", ":3", ":3"], trainer)
    folder = tmp_path / "model"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "eos_token": "</s>"}))
    return folder


def view(model, rows=ROWS, template=PLAIN, **options):
    settings = {"max_length": 96, "shown": 9} | options
    return Viewer(template, model).preview(Looked(rows=rows, out_of=len(rows), choice="all"), **settings)


def text_of(row, *, supervised):
    return "".join(token.text for token in row.tokens if token.supervised is supervised)


def test_the_tokens_laid_together_are_the_text(model):
    row = view(model).rows[1]
    assert "".join(token.text for token in row.tokens) == "<s>Grüße höflich.:Schönen guten Tag, 您好!</s>"
    assert text_of(row, supervised=True) == "Schönen guten Tag, 您好!</s>"
    assert [token.text for token in row.tokens if token.kind == "special"] == ["<s>", "</s>"]


def test_a_token_over_the_border_is_counted_and_not_learned(model):
    found = view(model, ROWS[:1])
    assert found.border_tokens == 1
    assert text_of(found.rows[0], supervised=True) == "</s>"


@pytest.mark.parametrize("template", ["alpaca", PLAIN])
@pytest.mark.parametrize("max_length", [48, 96, 512])
def test_figures_and_masks_are_those_of_the_stage(tmp_path, model, template, max_length):
    found = view(model, template=template, max_length=max_length)
    source, folder = tmp_path / "rows.jsonl", tmp_path / "attempt"
    write_rows(source, ROWS)
    folder.mkdir()
    context = StageContext(folder=folder, execution=ExecutionSpec(), workers=None, stop=tmp_path / "stop")
    inputs = {"rows": source, "model": model}
    try:
        artifact = run(TokenizeConfig(template=template, max_length=max_length), inputs, context)
    except DataError:
        assert found.without_supervised_tokens == len(ROWS)
        return
    metrics = artifact.metrics
    assert found.truncated == metrics["truncated"]
    assert found.without_supervised_tokens == metrics["without_supervised_tokens"]
    assert found.border_tokens == metrics["border_tokens"]
    composition = artifact.details["composition"]
    assert {language: (one.rows, one.tokens, one.supervised) for language, one in found.languages.items()} == {
        language: (one["samples"], one["tokens"], one["supervised_tokens"]) for language, one in composition.items()
    }
    data = TokenizedData.open(artifact.outputs["tokens"])
    masks = [[int(token.supervised) for token in row.tokens] for row in found.rows]
    assert [data.supervised(index).tolist() for index in range(len(data))] == [mask for mask in masks if any(mask)]


def test_lengths_are_those_before_the_cut(model):
    found = view(model, max_length=48)
    assert found.lengths.longest == max(row.length for row in found.rows) > 48
    assert max(len(row.tokens) for row in found.rows) == 48
    assert found.truncated_share == found.truncated / 4


def test_only_the_rows_asked_for_are_shown_and_all_are_counted(model):
    found = view(model, shown=1)
    assert ([row.id for row in found.rows], found.looked_at) == (["a"], 4)


def test_text_that_the_tokenizer_does_not_know_is_marked(model):
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "<s>": 1, "</s>": 2, "yes": 3}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.save(str(model / "tokenizer.json"))
    config = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    found = view(model, [Row(id="1", instruction="what <unk>", output="yes")])
    kinds = [(token.text.strip(), token.kind) for token in found.rows[0].tokens]
    assert ("what", "unknown") in kinds
    assert ("<unk>", "special") in kinds
    assert ("yes", "text") in kinds


def test_a_row_that_the_template_refuses_is_named(model):
    with pytest.raises(DataError, match="row a: the template refuses it"):
        view(model, template=TextTemplate(text="{{ raise_exception('no') }}"))


def test_a_model_without_a_fast_tokenizer_is_refused(model):
    (model / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"has no tokenizer\.json"):
        view(model)


def test_quantiles_are_values_that_occur():
    found = lengths_of([*range(1, 21)])
    assert (found.median, found.p95, found.longest) == (10, 19, 20)
    assert lengths_of([7]) == lengths_of([7, 7, 7])
