"""Workers in this process, and translators that do what a test says."""

from __future__ import annotations

import json

from cftray.errors import InfraError
from cftray.translation.sentences import Unit


class Here:
    """`Workers.map` without processes: each of `actors` handlers takes every n-th item."""

    def __init__(self, dies_after=None):
        self.dies_after = dies_after
        self.items = []

    def available(self, accelerator):
        return 1

    def map(self, make, request, items, *, actors, **_):
        request = json.loads(json.dumps(request))
        handlers = [make(request) for _ in range(actors)]
        for place, item in enumerate(json.loads(json.dumps(items))):
            if self.dies_after is not None and place >= self.dies_after:
                raise InfraError("a worker was killed")
            self.items.append(item["number"])
            handlers[place % actors](item)


class Played:
    """A translator that answers with `say(text, again)`."""

    identity = "played"

    def __init__(self, say, unit=Unit.SENTENCE):
        self.say = say
        self.unit = unit

    def fits(self, text):
        return True

    def translate(self, texts, source, target, *, again=False):
        return [self.say(text, again) for text in texts]
