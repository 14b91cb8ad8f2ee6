from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import tiny_checkpoint
from worlds import make_world

from monkeyvl.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = main(["evaluate", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"), 3)


def test_a_real_model_is_scored_resumed_sharded_and_compared(
    run: Run, world: Path, checkpoint: Path, tmp_path: Path
) -> None:
    options = ["--data", world, "--model", checkpoint, "--max-new-tokens", 6, "--split", "all"]
    out = tmp_path / "out"
    code, text, _ = run(*options, "--out", out)
    assert code == 0
    assert "sroie/kie" in text
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["scores"]["sroie/kie"]["n"] == 6
    assert set(report["scores"]["mine/vqa"]) >= {"metric", "value", "ci", "n"}
    command = "monkeyvl evaluate --data FOLDER --out OUT --model MODEL --split all --max-new-tokens 6"
    assert report["run"]["command"] == command
    assert (out / "examples.html").is_file()
    file = out / "predictions.jsonl"
    before = _rows(file)
    assert len({row["model_sha256"] for row in before}) == 1
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:7]) + lines[7][:40])
    assert run(*options, "--out", out)[0] == 0
    assert _rows(file) == before
    for i in (1, 2):
        code, text, err = run(*options, "--out", tmp_path / "parts", "--shard", f"{i}/2")
        assert (code, text) == (0, "")
        assert f"rows of shard {i}/2" in err
    assert run(*options, "--out", tmp_path / "parts", "--merge")[0] == 0
    assert _rows(tmp_path / "parts" / "predictions.jsonl") == before
    code, text, _ = run("--compare", out, tmp_path / "parts", "--out", tmp_path / "difference")
    assert code == 0
    assert "B - A" in text
    compared = json.loads((tmp_path / "difference" / "compare.json").read_text(encoding="utf-8"))
    assert compared["scores"]["sroie/kie"]["difference"] == 0


def _rows(file: Path) -> list[dict[str, object]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_an_adapter_is_evaluated_and_is_part_of_the_run(
    run: Run, world: Path, checkpoint: Path, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model

    from monkeyvl.loading import load_folder

    model, _ = load_folder(checkpoint, "cpu")
    config = LoraConfig(r=4, lora_alpha=64, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    adapted = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = str(checkpoint)
    adapted.save_pretrained(tmp_path / "fitted")
    options = ["--data", world / "mine", "--split", "all", "--max-new-tokens", 6]
    one, two, plain = (tmp_path / name for name in ("one", "two", "plain"))
    assert run(*options, "--adapter", tmp_path / "fitted", "--out", one)[0] == 0
    processes = ["--processes", 2, "--model", checkpoint]
    assert run(*options, *processes, "--adapter", tmp_path / "fitted", "--out", two)[0] == 0
    assert run(*options, "--model", checkpoint, "--out", plain)[0] == 0
    rows = _rows(one / "predictions.jsonl")
    assert rows == _rows(two / "predictions.jsonl")
    others = _rows(plain / "predictions.jsonl")
    assert [row["raw"] for row in rows] != [row["raw"] for row in others]
    assert {row["model"] for row in rows} == {f"{checkpoint.name}+fitted"}
    report = json.loads((one / "report.json").read_text(encoding="utf-8"))
    assert "--adapter ADAPTER" in report["run"]["command"]
    code, _, err = run(*options, "--model", checkpoint, "--out", one)
    assert code == 2
    assert "holds another run" in err
    code, _, err = run(*options, "--adapter", tmp_path / "nowhere", "--out", tmp_path / "o")
    assert (code, err.count("\n")) == (1, 1)
    assert "is no adapter" in err
    server = ["--model", "openai:http://localhost:1/v1#m", "--adapter", tmp_path / "fitted"]
    assert run(*options, *server, "--out", tmp_path / "o")[0] == 2


def test_changed_weights_are_another_run(run: Run, world: Path, checkpoint: Path, tmp_path: Path) -> None:
    options = ["--data", world / "mine", "--max-new-tokens", 2, "--out", tmp_path / "out"]
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in checkpoint.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert run(*options, "--model", copy)[0] == 0
    config = copy / "config.json"
    config.write_text(config.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    code, _, err = run(*options, "--model", copy)
    assert code == 2
    assert "holds another run" in err
    assert "model_sha256" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--data FOLDER and --out FOLDER"),
        (["--data", "nowhere"], "--data FOLDER and --out FOLDER"),
        (["--data", "nowhere", "--out", "o"], "no such folder"),
        (["--data", "WORLD", "--out", "o", "--tasks", "dance"], "no row has the task"),
        (["--data", "WORLD", "--out", "o", "--limit", "0"], "limit is 0"),
        (["--data", "WORLD", "--out", "o", "--split", "test"], "split 'test'"),
        (["--data", "WORLD", "--out", "o", "--shard", "3/2"], "I/N"),
        (["--data", "WORLD", "--out", "o", "--shard", "1/2", "--merge"], "leave out --shard"),
        (["--data", "WORLD", "--out", "o", "--cropping", "x"], "unknown cropping preset"),
        (["--data", "WORLD/funsd", "--out", "o", "--split", "train"], "nothing to ask"),
        (["--compare", "nowhere", "o"], "no predictions.jsonl"),
    ],
)
def test_misuse_is_one_line(
    arguments: list[str], message: str, run: Run, world: Path, checkpoint: Path, tmp_path: Path
) -> None:
    given = [text.replace("WORLD", str(world)) for text in arguments]
    given = [str(tmp_path / text) if text in ("o", "nowhere") else text for text in given]
    code, out, err = run(*given, "--model", checkpoint)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_torch_is_not_imported_before_the_model_is_needed(
    world: Path, checkpoint: Path, tmp_path: Path
) -> None:
    script = (
        "import sys; from monkeyvl.cli import main\n"
        f"code = main(['evaluate', '--data', {str(world)!r}, '--out', {str(tmp_path / 'o')!r}, "
        f"'--model', {str(checkpoint)!r}, '--merge'])\n"
        "print(code, [name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "2 []\n"
    assert "rows are missing" in done.stderr
