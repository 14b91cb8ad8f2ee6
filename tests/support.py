"""What several tests need: an engine that answers from a script, and a tiny checkpoint with random weights."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw

from monkeyvl.generation import Completion, Request, Settings


@dataclass
class FakeEngine:
    """Answers with `reply(request)`; `seen` keeps what it was asked, call by call."""

    reply: Callable[[Request], str | Completion] = lambda request: f"re: {request.text}"
    family: str = "embedded"
    name: str = "fake"
    timing: dict[str, float] = field(default_factory=lambda: {"prefill": 0.25, "decode": 0.5})
    seen: list[list[Request]] = field(default_factory=list)
    settings: list[Settings] = field(default_factory=list)

    def generate(self, requests: Sequence[Request], settings: Settings) -> list[Completion]:
        self.seen.append(list(requests))
        self.settings.append(settings)
        return [self._completion(request) for request in requests]

    def stream(self, request: Request, settings: Settings) -> Iterator[str | Completion]:
        self.settings.append(settings)
        done = self._completion(request)
        yield from (done.text[at : at + 5] for at in range(0, len(done.text), 5))
        yield done

    def _completion(self, request: Request) -> Completion:
        reply = self.reply(request)
        if isinstance(reply, Completion):
            return reply
        return Completion(reply, {"prompt": 20, "image": 12, "answer": len(reply)})


def picture(width: int = 200, height: int = 100, color: str = "white") -> Image.Image:
    """A small page with a few dark lines on it."""
    image = Image.new("RGB", (width, height), color)
    draw = ImageDraw.Draw(image)
    for y in range(10, height - 10, 20):
        draw.line((10, y, width - 10, y), fill="black", width=3)
    return image


def picture_bytes(format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    picture().save(stream, format)
    return stream.getvalue()


def pdf(path: Path, pages: int = 3) -> Path:
    """A PDF of pictures."""
    first, *others = [picture(300, 200, color) for color in ("white", "ivory", "beige")[:pages]]
    first.save(path, "PDF", save_all=True, append_images=others)
    return path
