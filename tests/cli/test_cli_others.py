from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support import pdf, picture, picture_bytes

import monkeyvl
from monkeyvl.cli import main
from monkeyvl.errors import Paused

Run = Callable[..., tuple[int, str, str]]

COMMANDS = [
    "ask",
    "read",
    "spot",
    "locate",
    "extract",
    "caption",
    "click",
    "chat",
    "tiles",
    "tokens",
    "models",
    "memory",
    "data",
    "convert",
    "evaluate",
    "train",
]


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_help_names_every_command(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert all(command in out for command in COMMANDS)
    assert run() == (0, out, "")
    assert run("--version") == (0, f"monkeyvl {monkeyvl.__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, run: Run) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert command in out


@pytest.mark.parametrize("command", ["ask", "read", "spot", "locate", "extract", "caption", "click", "chat"])
def test_answering_commands_have_all_options(command: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = run(command, "--help")[1]
    for option in "json show model device dtype stream pages cropping compression max-new-tokens out".split():
        assert f"--{option}" in out


def test_tiles_prints_and_draws_the_cuts(run: Run, tmp_path: Path) -> None:
    picture(800, 400).save(tmp_path / "a.png")
    code, out, err = run("tiles", "a.png", "--show", "new/out.png")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "800 x 400 pixels, cropping paper, tiles of 448 x 448",
        "detail    4 x 2    8 tiles",
        "adaptive  3 x 2    6 tiles",
        "global    1 x 1    1 tile",
        "together         15 tiles, 3840 image tokens",
    ]
    with Image.open(tmp_path / "new" / "out.png") as drawn:
        assert drawn.width > 400
    data = json.loads(run("tiles", "a.png", "--json", "--cropping", "demo")[1])
    assert data["order"] == ["adaptive", "detail", "global"]
    assert data["layers"]["detail"] == {"columns": 4, "rows": 2, "tiles": 8}
    assert data["tiles"] == 15


def test_tiles_of_a_page_and_of_stdin(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pdf(tmp_path / "c.pdf")
    assert run("tiles", "c.pdf")[1] == run("tiles", "c.pdf", "--page", "3")[1]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(picture_bytes())))
    assert run("tiles", "-")[1].startswith("200 x 100 pixels")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["tiles"], 2, "Missing argument"),
        (["tiles", "gone.png"], 2, "gone.png"),
        (["tiles", "words.png"], 1, "words.png"),
        (["tiles", "a.png", "--cropping", "finest"], 2, "unknown cropping preset"),
        (["tiles", "a.png", "--tile-size", "0"], 2, "tile size is 0"),
        (["tiles", "a.png", "--tile-size", "big"], 2, "--tile-size"),
        (["tiles", "a.png", "--page", "0"], 2, "pages count from 1"),
        (["tiles", "a.png", "--page", "2"], 2, ""),
        (["tiles", "a.png", "--show", "out.txt"], 2, "must end in"),
        (["tiles", "a.png", "--show", "a.png/out.png"], 2, "cannot be written"),
        (["train"], 2, "Missing argument"),
        (["train", "gone.yaml"], 2, "recipe gone.yaml: no such file"),
        (["train", "recipe.yaml", "--set", "steps"], 2, "write it as KEY=VALUE"),
        (["train", "recipe.yaml", "--set", "steps=[1"], 2, "the value is no YAML"),
        (["convert"], 2, "Missing argument"),
        (["convert", "gone", "out"], 2, "gone: no such folder"),
        (["ask", "a.png", "?", "--model", "hf:no name/x"], 2, "no name of a hub repository"),
    ],
)
def test_bad_use_is_one_line_and_an_exit_code(
    arguments: list[str], code: int, message: str, run: Run, tmp_path: Path
) -> None:
    picture().save(tmp_path / "a.png")
    (tmp_path / "words.png").write_text("no image")
    (tmp_path / "recipe.yaml").write_text("name: x")
    got, out, err = run(*arguments)
    assert (got, out) == (code, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_models_states_memory_terms_and_place(run: Run) -> None:
    code, out, err = run("models")
    assert (code, err) == (0, "")
    assert "mini-monkey" in out
    assert "4.4 GB" in out
    assert "hf:mx262/MiniMonkey (to be downloaded)" in out
    assert "MIT" in out
    assert "ms:lvskiller/TextMonkey (to be downloaded)" in out
    assert "non-commercial use only" in out
    rows = [json.loads(line) for line in run("models", "--json")[1].splitlines()]
    names = ["embedded", "mini-monkey", "internvl2-2b", "internvl2-8b"]
    assert [row["name"] for row in rows] == [*names, "monkey", "monkey-chat", "textmonkey", "qwen-vl"]
    assert all(row["terms"] and row["family"] for row in rows)


def test_memory_is_stated_by_part_and_card(run: Run) -> None:
    code, out, err = run("memory", "textmonkey")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].split() == ["smallest", "card", "24", "GB", "16", "GB", "16", "GB"]
    assert "keys and values of 1536 tokens" in out
    facts = json.loads(run("memory", "monkey", "--json", "--tokens", "8192")[1])
    assert facts["cache_bytes"] == 2 * 32 * 4096 * 8192 * 2
    assert facts["card_gb"]["bf16"] == 32
    code, out, err = run("memory", "nobody")
    assert (code, out) == (2, "")
    assert "unknown model 'nobody'" in err
    assert run("memory", "monkey", "--tokens", "0")[0] == 2


def test_train_hands_over_what_it_is_given(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    module = types.ModuleType("monkeyvl.training.run")

    def train(*given: Any) -> Path:
        calls.append(given)
        return Path("there/checkpoint")

    module.train = train  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "monkeyvl.training.run", module)
    (tmp_path / "recipe.yaml").write_text("name: x")
    sets = ["--set", "stages.0.steps=10", "--set", "name=a=b", "--set", "rate=1.0e-3"]
    assert run("train", "recipe.yaml", "--out", "there", "--resume", *sets)[:2] == (0, "there/checkpoint\n")
    assert run("train", "recipe.yaml")[0] == 0
    assert run("train", "recipe.yaml", "--minutes", "0.5", "--carry", "small")[0] == 0
    values = {"stages.0.steps": 10, "name": "a=b", "rate": 0.001}
    assert calls == [
        (Path("recipe.yaml"), Path("there"), True, values, None, None),
        (Path("recipe.yaml"), Path("runs/recipe"), False, {}, None, None),
        (Path("recipe.yaml"), Path("runs/recipe"), False, {}, 0.5, Path("small")),
    ]
    code, _, err = run("train", "recipe.yaml", "--minutes", "0")
    assert (code, err) == (2, "monkeyvl: --minutes 0: it must be above 0\n")

    def pausing(*given: Any) -> Path:
        raise Paused("there: paused in stage one at step 2 of 3; --resume goes on")

    module.train = pausing  # type: ignore[attr-defined]
    code, _, err = run("train", "recipe.yaml")
    assert (code, err) == (3, "monkeyvl: there: paused in stage one at step 2 of 3; --resume goes on\n")


def test_train_without_its_extra_says_how_to_get_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipe.yaml").write_text("name: x")
    monkeypatch.setitem(sys.modules, "yaml", None)
    code, _, err = run("train", "recipe.yaml")
    assert code == 1
    assert "pip install 'monkeyvl[train]'" in err


def test_an_unexpected_error_of_the_system_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **options: object) -> None:
        raise OSError(28, "No space left on device", "out.png")

    picture().save(tmp_path / "a.png")
    monkeypatch.setattr(Image.Image, "save", full)
    assert run("tiles", "a.png", "--show", "out.png")[::2] == (
        1,
        "monkeyvl: out.png: No space left on device\n",
    )


def test_interruption_is_one_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("monkeyvl.cli.models.run", interrupt)
    assert run("models") == (130, "", "monkeyvl: interrupted\n")


def test_light_commands_import_no_torch(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    code = (
        "import sys\n"
        "from monkeyvl.cli import main\n"
        "assert main(['--help']) == 0\n"
        "assert main(['models']) == 0\n"
        f"assert main(['tiles', {str(tmp_path / 'a.png')!r}, '--show', {str(tmp_path / 'o.png')!r}]) == 0\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -c 'import sys; from monkeyvl.cli import main; sys.exit(main([\"models\"]))'"
    for unbuffered in ("", "1"):
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(
            ["sh", "-c", f"{command} | true"], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
