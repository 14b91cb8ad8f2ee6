"""The commands that the README shows are commands that exist, and its Python parses."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from monkeyvl.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(line, comments=True) for line in README.splitlines() if line.startswith("monkeyvl ")]


def test_there_are_commands() -> None:
    assert {words[1] for words in COMMANDS} >= {
        "ask",
        "read",
        "spot",
        "locate",
        "extract",
        "tiles",
        "models",
        "train",
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_option_exists(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([words[1], "--help"]) == 0
    shown = capsys.readouterr().out
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"{option}\b", shown), option


def test_make_targets_and_linked_files_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"^make (\S+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
    for path in re.findall(r"`(tests/[\w/.]+)`", README):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_the_python_parses(code: str) -> None:
    ast.parse(code)
