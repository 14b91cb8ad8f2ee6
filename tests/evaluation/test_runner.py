from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from worlds import CONDITIONS, Oracle, make_world

from monkeyvl.errors import BudgetError, UsageError
from monkeyvl.evaluation.plan import Conditions, make_batches, parse_shard, shard_of
from monkeyvl.evaluation.runner import Run, cut_out
from monkeyvl.evaluation.sets import Selection, find_sets, select
from monkeyvl.generation import Completion, Request, Settings

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def selection(world: Path) -> Selection:
    return select(world, split="all")


def without_seconds(file: Path) -> list[str]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [json.dumps({k: v for k, v in row.items() if k != "seconds"}) for row in rows]


def test_selects_and_counts_what_it_skips(world: Path, selection: Selection) -> None:
    counts = Counter(example.key for example in selection.examples)
    assert counts == {
        "funsd/kie": 24,
        "mine/vqa": 4,
        "pageocr/spotting": 6,
        "screenagent/gui": 6,
        "sroie/kie": 12,
        "sroie/spotting": 6,
        "wtq_rendered/markdown": 6,
        "wtq_rendered/table": 6,
    }
    assert selection.skipped == {
        "mine/vqa": {"empty answer": 1, "label_quality": 1},
        "mine/song": {"unknown task": 1},
        "pageocr/table": {"region without area": 1},
    }
    parts = [select(world, ["kie"], split=split) for split in ("score", "train")]
    assert {e.set for e in parts[1].examples} <= {"sroie"}
    ids = [{e.id for e in part.examples if e.set == "sroie"} for part in parts]
    assert not ids[0] & ids[1]
    assert len(ids[0] | ids[1]) == 12
    assert parts[0].skipped.get("sroie/kie", Counter())["other split"] == len(ids[1])
    few = select(world, ["kie", "gui"], limit=2, split="all")
    assert Counter(e.key for e in few.examples) == {"funsd/kie": 2, "screenagent/gui": 2, "sroie/kie": 2}
    with pytest.raises(UsageError, match="no row has the task 'dance'"):
        select(world, ["dance"])


def test_a_set_by_itself(world: Path) -> None:
    assert set(find_sets(world / "sroie")) == set(find_sets(world / "sroie" / "dev")) == {"sroie"}
    with pytest.raises(UsageError, match=r"no annotations\.jsonl"):
        find_sets(world / "sroie" / "dev" / "images")
    with pytest.raises(UsageError, match="no such folder"):
        find_sets(world / "nothing")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{}", "line 1 is no row"),
        ("[", "line 1 is no row"),
        ('{"image": 1, "question": "", "answers": ["a"], "task": "vqa"}', "line 1 is no row"),
        ('{"image": "a", "question": "", "answers": "a", "task": "vqa"}', "line 1 is no row"),
        ('{"image": "a", "question": null, "answers": ["a"], "task": "vqa"}', "line 1 is no row"),
        ('{"image": "a", "question": "", "answers": [5], "task": "vqa"}', "line 1 is no row"),
        ('{"image": "a", "question": "", "answers": ["a"], "task": ["vqa"]}', "line 1 is no row"),
        ('{"image": "a", "question": "", "answers": ["a"], "task": "gui"}', "needs boxes or a point"),
        (
            '{"image": "a", "question": "", "answers": ["a"], "task": "gui", "point": [1]}',
            "2 numbers are expected",
        ),
        (
            '{"image": "a", "question": "", "answers": ["a"], "task": "spotting", '
            '"boxes": [{"box": [1,2,3,4]}]}',
            "a box has no text",
        ),
        (
            '{"image": "a", "question": "", "answers": ["a"], "task": "vqa", "boxes": [{"box": [1,2,3]}]}',
            "a box of 4 numbers",
        ),
        ('{"image": "../x.png", "question": "", "answers": ["a"], "task": "vqa"}', "no image"),
    ],
)
def test_broken_annotations_are_named(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "annotations.jsonl").write_text(line + "\n")
    with pytest.raises(UsageError, match=message):
        select(tmp_path / "set")


def test_a_table_without_an_answer_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "annotations.jsonl").write_text(
        '{"image": "a", "question": "", "answers": [], "task": "table"}\n'
    )
    assert list(select(tmp_path).skipped.values()) == [{"empty answer": 1}]


def test_batches_hold_whole_images(selection: Selection) -> None:
    batches = make_batches(selection.examples, 8, None)
    assert [batch.number for batch in batches] == list(range(len(batches)))
    placed = [example for batch in batches for example in batch.examples]
    assert sorted(map(id, placed)) == sorted(map(id, selection.examples))
    assert all(len(batch.examples) <= 8 for batch in batches)
    for batch in batches:
        assert {example.rule.max_new_tokens for example in batch.examples} == {batch.max_new_tokens}
    forms = [batch for batch in batches if batch.examples[0].set == "funsd"]
    assert [len(batch.examples) for batch in forms] == [8, 8, 8]


def test_shards_share_no_image(selection: Selection) -> None:
    batches = make_batches(selection.examples, 3, None)
    shards = [shard_of(batches, (i, 3)) for i in (1, 2, 3)]
    assert sorted(b.number for shard in shards for b in shard) == [b.number for b in batches]
    images = [{e.image for b in shard for e in b.examples} for shard in shards]
    assert not images[0] & images[1]
    assert not images[1] & images[2]
    assert parse_shard("2/3") == (2, 3)
    for wrong in ("0/3", "4/3", "1", "a/b"):
        with pytest.raises(UsageError, match="I/N"):
            parse_shard(wrong)


def test_rows_tell_everything(selection: Selection, tmp_path: Path) -> None:
    engine = Oracle(selection.examples)
    rows = Run(selection.examples, CONDITIONS, tmp_path).answer(lambda: engine)
    assert [(row["set"], row["id"]) for row in rows] == [(e.set, e.id) for e in selection.examples]
    lines = (tmp_path / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == rows
    row = next(row for row in rows if row["task"] == "spotting" and row["set"] == "sroie")
    assert row["prompt"] == "Read all the text with boxes."
    assert row["regions"][0] == {"text": "WORD0", "box": [100, 100, 600, 180]}
    assert row["truth"]["boxes"][0]["text"] == "WORD0"
    assert row["tokens"]["image"] == 12
    assert len(row["image_sha256"]) == 64
    assert row["settings"]["max_new_tokens"] == 1024
    assert {"cropping", "compression", "seed", "batch_size"} <= row["settings"].keys()
    assert {"python", "torch", "transformers", "monkeyvl"} <= row["versions"].keys()
    again = Run(selection.examples, CONDITIONS, tmp_path).answer(lambda: pytest.fail("loaded again"))
    assert again == rows


def test_rows_that_are_read_back_share_what_is_equal(selection: Selection, tmp_path: Path) -> None:
    examples = selection.examples
    Run(examples, CONDITIONS, tmp_path).answer(lambda: Oracle(examples))
    rows = Run(examples, CONDITIONS, tmp_path).answer(lambda: pytest.fail("loaded again"))
    assert len({id(row["versions"]) for row in rows}) == 1
    assert len({id(row["settings"]) for row in rows}) == len({e.rule.max_new_tokens for e in examples})
    for row, example in zip(rows, examples, strict=True):
        assert row["question"] is example.row["question"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"batch_size": 4}, "batch"),
        ({"compression": 0.5}, r"settings compression is 0\.0, not 0\.5"),
        ({"cropping": "paper"}, "settings cropping is null"),
    ],
)
def test_another_run_is_not_mixed_in(
    changed: dict[str, Any], message: str, selection: Selection, tmp_path: Path
) -> None:
    examples = selection.examples[:12]
    Run(examples, CONDITIONS, tmp_path).answer(lambda: Oracle(examples))
    with pytest.raises(UsageError, match=f"holds another run.*{message}"):
        Run(examples, replace(CONDITIONS, **changed), tmp_path).answer(lambda: Oracle(examples))
    with pytest.raises(UsageError, match="not asked here"):
        Run(examples[:4], CONDITIONS, tmp_path).answer(lambda: Oracle(examples))


def test_bad_conditions_are_refused() -> None:
    for wrong in ({"batch_size": 0}, {"compression": 1.0}, {"cropping": "x"}, {"max_new_tokens": 0}):
        with pytest.raises(UsageError):
            Conditions(CONDITIONS.model, **wrong)  # type: ignore[arg-type]


def test_shards_merge_to_the_whole_run(selection: Selection, tmp_path: Path) -> None:
    examples = selection.examples
    Run(examples, CONDITIONS, tmp_path / "whole").answer(lambda: Oracle(examples))
    for i in (1, 2):
        Run(examples, CONDITIONS, tmp_path / "parts", (i, 2)).answer(lambda: Oracle(examples))
        if i == 1:
            with pytest.raises(UsageError, match=r"of 70 rows are missing in"):
                Run(examples, CONDITIONS, tmp_path / "parts").merge()
    Run(examples, CONDITIONS, tmp_path / "parts").merge()
    whole, parts = (without_seconds(tmp_path / name / "predictions.jsonl") for name in ("whole", "parts"))
    assert parts == whole


class Failing(Oracle):
    """Has no memory for one of the questions."""

    def generate(self, requests: Any, settings: Settings) -> list[Completion]:
        if any("total of 1" in request.text for request in requests):
            raise BudgetError("the prompt is too long")
        return super().generate(requests, settings)


def test_a_failed_question_fails_alone(selection: Selection, tmp_path: Path) -> None:
    examples = [example for example in selection.examples if example.key == "sroie/kie"]
    rows = Run(examples, CONDITIONS, tmp_path).answer(lambda: Failing(examples))
    failed = [row for row in rows if "error" in row]
    assert [row["question"] for row in failed] == ["What is the total of 1?"]
    assert failed[0]["error"] == "the prompt is too long"
    assert failed[0]["text"] == ""


def test_a_broken_image_fails_alone(tmp_path: Path) -> None:
    world = make_world(tmp_path / "world", 3)
    (world / "funsd" / "dev" / "images" / "1.png").write_bytes(b"no image")
    examples = select(world / "funsd").examples
    known = [example for example in examples if not example.name.endswith("1.png")]
    rows = Run(examples, CONDITIONS, tmp_path / "out").answer(lambda: Oracle(known))
    assert [row["image"] for row in rows if "error" in row] == ["images/1.png"] * 4


STUCK = """
import sys, time
from pathlib import Path
sys.path[:0] = [{here!r}, {tests!r}]
from worlds import CONDITIONS, Oracle
from monkeyvl.evaluation.runner import Run, cut_out
from monkeyvl.evaluation.sets import select

class Stuck(Oracle):
    def generate(self, requests, settings):
        if len(self.seen) == {batches}:
            time.sleep(600)
        return super().generate(requests, settings)

examples = select(Path({world!r}), split="all").examples
Run(examples, CONDITIONS, Path({out!r})).answer(lambda: Stuck(examples))
"""


def test_killed_and_resumed_equals_undisturbed(world: Path, selection: Selection, tmp_path: Path) -> None:
    examples = selection.examples
    Run(examples, CONDITIONS, tmp_path / "calm").answer(lambda: Oracle(examples))
    out = tmp_path / "killed"
    file = out / "predictions.jsonl"
    names = {"here": str(HERE), "tests": str(HERE.parent), "world": str(world), "out": str(out)}
    for batches, wanted in ((3, 5), (8, 20)):  # of up to three rows
        process = subprocess.Popen([sys.executable, "-c", STUCK.format(batches=batches, **names)])
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            assert process.poll() is None, "finished before it could be killed"
            if file.is_file() and file.read_bytes().count(b"\n") >= wanted:
                break
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert 20 <= file.read_bytes().count(b"\n") < len(examples)
    with file.open("ab") as stream:
        stream.write('{"set": "half a character, é'.encode()[:-1])
    engine = Oracle(examples)
    Run(examples, CONDITIONS, out).answer(lambda: engine)
    assert sum(map(len, engine.seen)) <= len(examples) - 18
    assert without_seconds(file) == without_seconds(tmp_path / "calm" / "predictions.jsonl")


def test_regions_are_cut_out(tmp_path: Path) -> None:
    world = make_world(tmp_path, 3)
    file = world / "pageocr" / "dev" / "annotations.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    rows[-1]["boxes"][0]["box"] = [100, 500, 600, 1000]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    seen: list[Request] = []

    class Looking(Oracle):
        def _known(self, request: Request) -> Completion:
            seen.append(request)
            return Completion("x")

    examples = select(world / "pageocr", ["table"]).examples
    Run(examples, CONDITIONS, tmp_path / "out").answer(lambda: Looking(examples))
    assert [request.images[0].size for request in seen] == [(30, 20)]


def test_a_thin_region_at_the_edge_is_one_pixel_wide() -> None:
    part = cut_out(Image.new("RGB", (60, 40)), [999, 999.5, 1000, 1000])
    assert part.size == (1, 1)
