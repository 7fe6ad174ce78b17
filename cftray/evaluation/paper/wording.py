"""What is asked, in the words of each language.

MLQA and XQuAD are asked as lm-eval asks them: MLQA with English labels around whatever the language, XQuAD with
labels of the language. (lm-eval's Arabic label for the context lacks its last letter; here it has it.) lm-eval has no
XL-Sum. Its prompt is ours: the article first, what to do with it after, so that an article cut for a short context
loses its beginning and not the instruction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

QA_LABELS: Final[Mapping[str, tuple[str, str, str]]] = {
    "ar": ("سياق", "سؤال", "إجابة"),
    "de": ("Kontext", "Frage", "Antwort"),
    "el": ("Συμφραζόμενα", "Ερώτηση", "Απάντηση"),
    "en": ("Context", "Question", "Answer"),
    "es": ("Contexto", "Pregunta", "Respuesta"),
    "hi": ("प्रसंग", "सवाल", "उत्तर"),
    "ro": ("Context", "Întrebare", "Răspuns"),
    "ru": ("Контекст", "Вопрос", "Ответ"),
    "th": ("บริบท", "คำถาม", "คำตอบ"),
    "tr": ("Bağlam", "Soru", "Cevap"),
    "vi": ("Bối cảnh", "Câu hỏi", "Trả lời"),
    "zh": ("语境", "问题", "回答"),
}
"""(context, question, answer)"""

SUMMARISE: Final[Mapping[str, str]] = {
    "ar": "لخّص المقال أعلاه في جملة أو جملتين. لا تكتب شيئًا سوى الملخص.",
    "en": "Summarise the article above in one or two sentences. Write nothing but the summary.",
    "es": "Resume el artículo anterior en una o dos frases. No escribas nada más que el resumen.",
    "fr": "Résumez l'article ci-dessus en une ou deux phrases. N'écrivez rien d'autre que le résumé.",
    "hi": "ऊपर दिए गए लेख का सारांश एक या दो वाक्यों में लिखिए। सारांश के अलावा कुछ न लिखिए।",
    "ja": "上の記事を一文か二文で要約してください。要約以外は何も書かないでください。",
    "zh": "请用一两句话概括上面的文章。除了概括之外不要写任何内容。",
}


def question_prompt(language: str) -> str:
    """Jinja over an item's `context` and `question`."""
    context, question, answer = QA_LABELS[language]
    return f"{context}: {{{{context}}}}\n\n{question}: {{{{question}}}}\n\n{answer}:"


def summary_prompt(language: str) -> str:
    """Jinja over an item's `text`."""
    return f"{{{{text}}}}\n\n{SUMMARISE[language]}"
