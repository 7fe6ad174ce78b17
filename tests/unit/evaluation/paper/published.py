"""The seven benchmarks as they are published, made small: every original format and the hub's Parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.evaluation.paper.layouts import XLSUM_NAMES

QUESTIONS: Mapping[str, tuple[str, str, str]] = {
    "ar": ("تقع القاهرة على نهر النيل.", "على أي نهر تقع القاهرة؟", "نهر النيل"),
    "de": ("Köln liegt am Rhein. Der Dom steht seit 1248.", "Woran liegt Köln?", "am Rhein"),
    "el": ("Η Αθήνα είναι η πρωτεύουσα της Ελλάδας.", "Ποια είναι η πρωτεύουσα;", "Η Αθήνα"),
    "en": ("The Rhine flows past Cologne.", "What flows past Cologne?", "The Rhine"),
    "es": ("El Ebro nace en Cantabria.", "¿Dónde nace el Ebro?", "en Cantabria"),
    "hi": ("गंगा नदी हिमालय से निकलती है।", "गंगा कहाँ से निकलती है?", "हिमालय से"),
    "ro": ("Dunărea se varsă în Marea Neagră.", "Unde se varsă Dunărea?", "în Marea Neagră"),
    "ru": ("Волга впадает в Каспийское море.", "Куда впадает Волга?", "в Каспийское море"),
    "th": ("แม่น้ำเจ้าพระยาไหลผ่านกรุงเทพมหานคร", "แม่น้ำใดไหลผ่านกรุงเทพมหานคร", "แม่น้ำเจ้าพระยา"),
    "tr": ("Kızılırmak Karadeniz'e dökülür.", "Kızılırmak nereye dökülür?", "Karadeniz'e"),
    "vi": ("Sông Hồng chảy qua Hà Nội.", "Sông nào chảy qua Hà Nội?", "Sông Hồng"),
    "zh": ("长江流经武汉市。", "什么河流经武汉？", "长江"),
}
"""(passage, question, answer) by language."""

SUMMARIES: Mapping[str, tuple[str, str]] = {
    "ar": ("فاز الفريق في المباراة أمس في العاصمة.", "الفريق يفوز في المباراة"),
    "en": ("The team won its match in the capital yesterday.", "Team wins its match"),
    "es": ("El equipo ganó ayer el partido en la capital.", "El equipo gana el partido"),
    "fr": ("L'équipe a gagné hier son match dans la capitale.", "L'équipe gagne son match"),
    "hi": ("टीम ने कल राजधानी में अपना मैच जीता।", "टीम ने मैच जीता"),
    "ja": ("チームは昨日、首都で試合に勝った。", "チームが試合に勝つ"),
    "zh": ("球队昨天在首都赢得了比赛。", "球队赢得比赛"),
}
"""(article, summary) by language."""

CHOICES = [
    {
        "subject": "anatomy",
        "question": "Which bone is in the leg? ",
        "choices": ["ulna", "femur", "rib", "jaw"],
        "answer": 1,
    },
    {"subject": "world_religions", "question": "Who?", "choices": ["a", "b", "c", "d"], "answer": 3},
    {"subject": "anatomy", "question": "How many ribs?", "choices": ["6", "12", "24", "48"], "answer": 2},
]
ENDINGS = [
    {
        "ind": 4,
        "activity_label": "Washing dishes",
        "ctx_a": "A man is in a kitchen.",
        "ctx_b": "he",
        "ctx": "A man is in a kitchen. he",
        "label": 1,
        "source_id": "activitynet~v_1",
        "split": "val",
        "endings": ["eats.", "turns on the tap and washes a plate.", "flies.", "sleeps."],
    },
    {
        "ind": 4,
        "activity_label": "Health",
        "ctx_a": "[header] How to rest [title] Lie down. [step] Slowly.",
        "ctx_b": "",
        "ctx": "[header] How to rest",
        "label": 0,
        "source_id": "wikihow~7",
        "split": "val",
        "endings": ["[substeps] Close your eyes.", "Run.", "Shout.", "Jump."],
    },
]
INSTRUCTED = [
    {
        "key": 1000,
        "prompt": "Write without commas, with a title.",
        "instruction_id_list": ["punctuation:no_comma", "detectable_format:title"],
        "kwargs": [{}, {}],
    },
    {
        "key": 1001,
        "prompt": "Write in quotes.",
        "instruction_id_list": ["startend:quotation"],
        "kwargs": [{}],
    },
    {
        "key": 1002,
        "prompt": "Write at least two sentences.",
        "instruction_id_list": ["length_constraints:number_sentences"],
        "kwargs": [{"relation": "at least", "num_sentences": 2}],
    },
    {
        "key": 1003,
        "prompt": "Answer in JSON.",
        "instruction_id_list": ["detectable_format:json_format"],
        "kwargs": [{}],
    },
]
COMPARED = [
    {"dataset": "koala", "instruction": "Name a river.", "output": "The Rhine.", "generator": "text_davinci_003"},
    {"dataset": "vicuna", "instruction": "Say nothing.", "output": "", "generator": "text_davinci_003"},
]


def squad_rows(language: str) -> list[dict[str, Any]]:
    """Two questions over one passage; the second has two right answers."""
    context, question, answer = QUESTIONS[language]
    answers = [{"text": answer, "answer_start": max(0, context.find(answer))}]
    return [
        {"id": "q1", "context": context, "question": question, "answers": answers},
        {
            "id": "q2",
            "context": context,
            "question": question,
            "answers": [*answers, {"text": context, "answer_start": 0}],
        },
    ]


def squad_document(language: str) -> dict[str, Any]:
    """SQuAD 1.1's nesting."""
    rows = squad_rows(language)
    asked = [{name: value for name, value in row.items() if name != "context"} for row in rows]
    return {"data": [{"title": "t", "paragraphs": [{"context": rows[0]["context"], "qas": asked}]}], "version": "1.1"}


def write_squad(path: Path, language: str) -> None:
    """SQuAD 1.1 or, by the name, the hub's Parquet."""
    if path.suffix != ".parquet":
        write_json(path, squad_document(language))
        return
    columns = [
        row | {"answers": {key: [one[key] for one in row["answers"]] for key in ("text", "answer_start")}}
        for row in squad_rows(language)
    ]
    write_rows(path, columns)


def article_rows(language: str) -> list[dict[str, Any]]:
    """Two articles with their summaries."""
    text, summary = SUMMARIES[language]
    return [
        {"id": f"world-{n}", "url": f"https://news.example/{n}", "title": "t", "summary": summary, "text": text}
        for n in range(2)
    ]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """JSON lines or, by the name, Parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """One JSON document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")


def write_originals(folder: Path) -> dict[str, Path]:
    """All seven as their authors publish them, in every language; the place of each."""
    for language in QUESTIONS:
        write_squad(folder / "xquad" / f"xquad.{language}.json", language)
        write_squad(folder / "mlqa" / f"test-context-{language}-question-{language}.json", language)
    for language, name in XLSUM_NAMES.items():
        write_rows(folder / "xlsum" / f"{name}_test.jsonl", article_rows(language))
    write_rows(folder / "mmlu" / "test.jsonl", CHOICES)
    write_rows(folder / "hellaswag" / "hellaswag_val.jsonl", ENDINGS)
    write_rows(folder / "ifeval" / "input_data.jsonl", INSTRUCTED)
    write_json(folder / "alpaca_eval" / "text_davinci_003_outputs.json", COMPARED)
    return _places(folder)


def write_snapshots(folder: Path) -> dict[str, Path]:
    """All seven as the hub has them at the pinned revisions; the place of each."""
    for language in QUESTIONS:
        write_squad(folder / "xquad" / f"xquad.{language}" / "validation-00000-of-00001.parquet", language)
        write_squad(folder / "mlqa" / f"mlqa.{language}.{language}" / "test" / "0000.parquet", language)
    for language, name in XLSUM_NAMES.items():
        write_rows(folder / "xlsum" / name / "test" / "0000.parquet", article_rows(language))
    write_rows(folder / "mmlu" / "all" / "test-00000-of-00001.parquet", CHOICES)
    labelled = [row | {"label": str(row["label"])} for row in ENDINGS]
    write_rows(folder / "hellaswag" / "data" / "validation-00000-of-00001.parquet", labelled)
    wide = dict.fromkeys(name for row in INSTRUCTED for one in row["kwargs"] for name in one)
    nulls = [row | {"kwargs": [wide | one for one in row["kwargs"]]} for row in INSTRUCTED]
    write_rows(folder / "ifeval" / "ifeval_input_data.jsonl", nulls)
    write_json(folder / "alpaca_eval" / "alpaca_eval.json", COMPARED)
    return _places(folder)


def _places(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.iterdir()}
