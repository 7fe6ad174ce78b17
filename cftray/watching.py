"""Looking again and again at what others write, while a block waits for them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar, Self


class Watching(ABC):
    """While open, `look` is called every `every_s` seconds from a thread of its own, and at the end once more.

    Who writes may be on another node: they write files, this looks at them, and neither waits for the other.
    """

    every_s: float = 0.5
    thread_name: ClassVar[str]

    @abstractmethod
    def look(self) -> None:
        """Take in what is new since the last look."""

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name=self.thread_name, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self.look()

    def _keep_looking(self) -> None:
        while not self._over.wait(self.every_s):
            self.look()
