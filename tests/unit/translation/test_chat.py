"""A chat model as a translator."""

from __future__ import annotations

from cftray.endpoint import Failure, Reason
from cftray.translation.chat import ChatTranslator


class Asked:
    """A chat that answers with what it was asked for, and fails where the text says so."""

    def ask(self, conversations, *, seed=None, temperature=None):
        return [
            Failure(reason=Reason.BROKEN, message="garbage", attempts=3)
            if talk[-1]["content"] == "fail"
            else f"{seed} {talk[0]['content'].split('. ')[0]}: {talk[-1]['content']}"
            for talk in conversations
        ]


def test_texts_are_sent_alone_under_the_languages_names():
    told = ChatTranslator(Asked(), "one").translate(["Good day."], "en", "de")
    assert told == ["None You translate from English into German: Good day."]


def test_a_failed_request_is_no_translation_and_the_others_stand():
    told = ChatTranslator(Asked(), "one").translate(["fail", "go"], "en", "xx")
    assert told[0] is None
    assert told[1].endswith("into xx: go")


def test_the_second_try_is_another_question():
    own = ChatTranslator(Asked(), "one")
    assert own.translate(["go"], "en", "de") != own.translate(["go"], "en", "de", again=True)
