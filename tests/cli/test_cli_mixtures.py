"""`monkeyvl data check`, `build`, `structure`, and `preview` of rows."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from monkeyvl.cli import main
from monkeyvl.evaluation.splits import file_sha256

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))
from made_rows import jsonl, picture, questions


def test_check_names_bad_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = questions(tmp_path, 6)
    assert main(["data", "check", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "rows.jsonl: 6 rows, 0 bad ones"
    with file.open("a") as stream:
        stream.write('{"image": "gone.png", "question": "Q?", "answer": "a"}\nnonsense\n')
    assert main(["data", "check", str(file), "--show", "1"]) == 1
    out, error = capsys.readouterr()
    assert "rows.jsonl: 8 read, 2 bad\n" in out
    assert error.splitlines() == [
        f"{file} line 7: the image is missing: {tmp_path / 'gone.png'}",
        "and 1 more (--show)",
    ]


def test_a_file_without_rows_is_no_good_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(jsonl(tmp_path / "empty.jsonl", ["", ""]))]) == 1
    assert capsys.readouterr().err == "empty.jsonl: no rows\n"


def test_check_goes_on_behind_a_missing_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions(tmp_path, 6)
    sources = [{"format": "docvqa"}, {"format": "rows", "path": "rows.jsonl"}]
    (tmp_path / "m.yaml").write_text(yaml.safe_dump({"name": "made", "sources": sources}))
    assert main(["data", "check", str(tmp_path / "m.yaml")]) == 1
    out, error = capsys.readouterr()
    assert out.splitlines()[0].startswith("docvqa: benchmark docvqa: a file is missing, expected ")
    assert out.splitlines()[1:] == ["rows: 6 read"]
    assert error == "docvqa cannot be read\n"


def test_build_and_preview_a_mixture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(tmp_path / "data" / "a.png")
    region = {"text": "EXIT", "box": [20, 10, 60, 30]}
    jsonl(tmp_path / "data" / "rows.jsonl", [{"image": "a.png", "regions": [region]}] * 2)
    source = {"format": "rows", "path": "rows.jsonl", "count": 3, "positions": {"spot": 1.0, "locate": 1}}
    mixture = tmp_path / "m.yaml"
    mixture.write_text(yaml.safe_dump({"name": "made", "sources": [source]}))
    root = ["--data-root", str(tmp_path / "data")]
    assert main(["data", "build", str(mixture), *root, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "rows: 2 read, 3 taken, each 1.5 times"
    assert said[1] == f"made: 3 rows: {tmp_path / 'out' / 'mixture.json'}"
    row = json.loads((tmp_path / "out" / "00-0000.jsonl").read_text().splitlines()[0])
    assert [turn["task"] for turn in row["turns"]] == ["spot", "locate"]
    sheet = str(tmp_path / "sheet.png")
    for data in ([str(mixture), *root], [str(tmp_path / "out")]):
        more = ["--out", sheet, "--count", "2", "--width", "200", "--columns", "2", "--boxes"]
        assert main(["data", "preview", *data, *more, "--questions", "2"]) == 0
        with Image.open(sheet) as drawn:
            assert drawn.width == 2 * 208 + 8
            colours = {colour for _, colour in drawn.convert("RGB").getcolors(1 << 20) or ()}
        assert (220, 30, 30) in colours  # the box of EXIT


def test_images_for_scoring_are_refused_by_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = questions(tmp_path / "a", 5)
    image, other = (tmp_path / "a" / name for name in ("2.png", "4.png"))
    scored = {"sroie": {"train": {}, "score": {"dev/images/x.png": file_sha256(image)}}}
    never = {"funsd": [file_sha256(other)[:16]]}
    lists = tmp_path / "splits.json"
    lists.write_text(json.dumps({"sets": scored, "never": never}))
    said = [
        f"{file} line 3: {image} is for scoring, not for training: it is in the scoring part of sroie "
        "(dev/images/x.png)",
        f"{file} line 5: {other} is for scoring, not for training: funsd is never trained on",
    ]
    guarded = ["--splits", str(lists)]
    assert main(["data", "check", str(file), *guarded]) == 1
    assert capsys.readouterr().err.splitlines() == said
    assert main(["data", "build", str(file), *guarded, "--out", str(tmp_path / "out")]) == 0
    assert "rows.jsonl: 5 read, 2 bad, 3 taken\n" in capsys.readouterr().out
    assert (tmp_path / "out" / "bad.txt").read_text().splitlines() == said
    assert main(["data", "build", str(file), *guarded, "--out", str(tmp_path / "strict"), "--strict"]) == 1
    assert capsys.readouterr().err.rstrip().endswith(said[0])
    assert not (tmp_path / "strict").exists()


def test_structures_with_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions(tmp_path / "a", 30)
    file = str(tmp_path / "a" / "rows.jsonl")
    assert main(["data", "build", file, "--out", str(tmp_path / "built")]) == 0
    small = '{"width": 256, "amount": 0.1, "font_px": [12, 16]}'
    arguments = ["data", "structure", "--out", str(tmp_path / "s"), "--count", "19", "--kind", "form"]
    arguments += ["--style", "json", "--options", small, "--replay", str(tmp_path / "built")]
    assert main(arguments) == 0
    mixture = capsys.readouterr().out.splitlines()[-1]
    root = ["--data-root", str(tmp_path)]  # where annotated sets are: the made rows are found all the same
    assert main(["data", "build", mixture, *root, "--out", str(tmp_path / "out")]) == 0
    parts = json.loads((tmp_path / "out" / "mixture.json").read_text())["sources"]
    assert [(part["name"], part["rows"]) for part in parts] == [("made", 19), ("replay", 1)]
    assert main(["data", "check", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["check", "none.jsonl"], "no such file"),
        (["check", "none.yaml"], "no such file"),
        (["check", "{file}", "--data-root", "none"], "no such folder"),
        (["check", "{file}", "--splits", "{file}"], "no list of splits"),
        (["build", "{file}", "--out", "{folder}"], "exists already"),
        (["preview", "--out", "x.png"], "one of both"),
        (["preview", "{file}", "--kind", "form", "--out", "x.png"], "one of both"),
        (["preview", "{file}", "--out", "x.png", "--family", "gpt"], "unknown prompt family"),
        (["structure", "--out", "{folder}/s", "--count", "0"], "nothing to make"),
        (["structure", "--out", "{folder}/s", "--share", "1"], "between 0 and 1"),
        (["structure", "--out", "{folder}/s", "--replay", "none"], "no built mixture"),
    ],
)
def test_wrong_use_is_one_line(
    wrong: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = questions(tmp_path, 2)
    arguments = [one.replace("{file}", str(file)).replace("{folder}", str(tmp_path)) for one in wrong]
    assert main(["data", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
