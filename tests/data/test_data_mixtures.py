"""Mixtures: what a file may say, counts that are met, bad rows that are named."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import jsonl, picture, questions

from monkeyvl.data.building import RowCheck, build, mixture_of, read_manifest, regrouped
from monkeyvl.data.mixture import Mixture, MixtureSource, load_mixture, planned_counts
from monkeyvl.data.rows import BadRow, Row, Turn
from monkeyvl.errors import UsageError
from monkeyvl.evaluation.splits import TrainingImages, file_sha256

RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "mixtures"


def mixture(tmp_path: Path, *sources: dict[str, object], **more: object) -> Path:
    file = tmp_path / "mixture.yaml"
    file.write_text(yaml.safe_dump({"name": "made", "sources": list(sources), **more}))
    return file


def lines(folder: Path, number: int = 0) -> list[dict[str, object]]:
    found = []
    for name in read_manifest(folder)["sources"][number]["files"]:
        found += [json.loads(line) for line in (folder / name).read_text().splitlines()]
    return found


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_papers_mixtures_can_be_read(file: Path) -> None:
    assert load_mixture(file).name == file.stem


def test_the_mixtures_have_the_papers_sizes() -> None:
    def rows(name: str) -> list[int]:
        made = load_mixture(RECIPES / f"{name}.yaml")
        return planned_counts(made, [10**6] * len(made.sources))

    assert sum(rows("monkey")) == 1_441_000
    parts = (404_000, 306_000, 308_000, 423_000)  # captions, questions, texts in scenes, documents
    found = iter(rows("monkey"))
    assert tuple(sum(next(found) for _ in range(sets)) for sets in (3, 5, 3, 8)) == parts
    assert sum(rows("textmonkey")) == 409_100
    *structures, replay = rows("textmonkey-structured")
    assert sum(structures) == 55_700
    assert replay == round(0.05 * (55_700 + replay))


@pytest.mark.parametrize(
    ("source", "more", "said"),
    [
        ({"format": "docvqua"}, {}, "unknown format 'docvqua'"),
        ({"format": "rows"}, {}, "needs a `path`"),
        ({"format": "docvqa", "path": "x"}, {}, "needs a `path`"),
        ({"format": "docvqa", "task": "guess"}, {}, "unknown task"),
        ({"format": "docvqa", "wording": "Why?"}, {}, "holds {question}"),
        ({"format": "docvqa", "answers": "best"}, {}, "answers 'best'"),
        ({"format": "docvqa", "structure": ["xml"]}, {}, "structure 'xml'"),
        ({"format": "docvqa", "share": 1.5}, {}, "a share is below 1"),
        ({"format": "docvqa", "count": 3, "weight": 1.0}, {"total": 5}, "not two"),
        ({"format": "docvqa", "weight": 1.0}, {}, "needs the mixture's `total`"),
        ({"format": "docvqa", "counts": 3}, {}, "unknown field 'counts'"),
    ],
)
def test_wrong_mixtures_are_named(
    source: dict[str, object], more: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said.replace("{", r"\{")):
        load_mixture(mixture(tmp_path, source, **more))


def test_sources_have_names_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two sources have this name"):
        load_mixture(mixture(tmp_path, {"format": "docvqa"}, {"format": "docvqa"}))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["all", "count", "weight", "share"]), st.integers(1, 60)), min_size=1),
    st.integers(1, 500),
)
def test_counts_are_met(parts: list[tuple[str, int]], total: int) -> None:
    shares = sum(kind == "share" for kind, _ in parts)
    sources = tuple(
        MixtureSource(
            "docvqa",
            count=number if kind == "count" else 0,
            weight=float(number) if kind == "weight" else 0.0,
            share=0.5 / shares if kind == "share" else 0.0,
        )
        for kind, number in parts
    )
    counts = planned_counts(Mixture("m", sources, total), [number for _, number in parts])
    of_kind = {
        kind: [count for count, (its, _) in zip(counts, parts, strict=True) if its == kind]
        for kind in ("all", "count", "weight", "share")
    }
    for kind in ("all", "count"):
        assert of_kind[kind] == [number for its, number in parts if its == kind]
    if of_kind["weight"]:
        assert sum(of_kind["weight"]) == total
    if shares:
        others = sum(counts) - sum(of_kind["share"])
        assert abs(sum(of_kind["share"]) - others) <= shares  # half of the whole


def test_fewer_and_more_rows_than_wanted(tmp_path: Path) -> None:
    questions(tmp_path / "a", 10)
    questions(tmp_path / "b", 10)
    file = mixture(
        tmp_path,
        {"format": "rows", "name": "few", "path": "a/rows.jsonl", "count": 4},
        {"format": "rows", "name": "many", "path": "b/rows.jsonl", "count": 25},
        {"format": "rows", "name": "all", "path": "b/rows.jsonl"},
    )
    reports = build(load_mixture(file), tmp_path, tmp_path / "out")
    assert [report.rows for report in reports] == [4, 25, 10]
    assert [report.passes for report in reports] == [0.4, 2.5, 1]
    assert reports[1].tasks == {"ask": 25}
    few, many = ([str(row["where"]) for row in lines(tmp_path / "out", n)] for n in (0, 1))
    assert len(set(few)) == 4
    assert set(Counter(many).values()) == {2, 3}
    assert read_manifest(tmp_path / "out")["rows"] == 39
    build(load_mixture(file), tmp_path, tmp_path / "again")
    assert lines(tmp_path / "again") == lines(tmp_path / "out")
    with pytest.raises(UsageError, match="exists already"):
        build(load_mixture(file), tmp_path, tmp_path / "out")


def test_bad_rows_are_named_or_end_it(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    file = questions(folder, 4)
    (folder / "text.png").write_text("no picture")
    broken = picture(folder / "cut.png").read_bytes()
    (folder / "cut.png").write_bytes(broken[: len(broken) // 2])
    good = file.read_text()
    rows = [{"image": name, "question": "Q?", "answer": "a"} for name in ("gone.png", "text.png", "cut.png")]
    jsonl(file, [*good.splitlines(), '{"image": ', *rows, {"image": "0.png", "question": "Q?", "answer": ""}])
    made = Mixture("m", (MixtureSource("rows", path="a/rows.jsonl"),))
    (report,) = build(made, tmp_path, tmp_path / "out", decode=True)
    assert (report.read, report.rows) == (9, 4)
    assert [bad.removeprefix(f"{file} ") for bad in report.bad] == [
        "line 5: is no JSON: '{\"image\":'",
        f"line 6: the image is missing: {folder / 'gone.png'}",
        f"line 7: {folder / 'text.png'} is no image that can be read",
        f"line 8: {folder / 'cut.png'}: cannot be decoded; the image is damaged, cut off or of an "
        "unsupported variant",
        "line 9: the answer is empty",
    ]
    assert (tmp_path / "out" / "bad.txt").read_text().splitlines() == report.bad
    assert read_manifest(tmp_path / "out")["sources"][0]["bad"] == 5
    with pytest.raises(BadRow, match=r"rows.jsonl line 5: is no JSON"):
        build(made, tmp_path, tmp_path / "strict", strict=True)
    assert not (tmp_path / "strict").exists()
    jsonl(file, rows[:1])
    with pytest.raises(UsageError, match="none of 1 rows can be trained on; the first bad one"):
        build(made, tmp_path, tmp_path / "none")


def test_images_for_scoring_never_get_in(tmp_path: Path) -> None:
    questions(tmp_path / "a", 4, pictures=4)
    scored = file_sha256(tmp_path / "a" / "2.png")
    guard = TrainingImages({"sets": {"sroie": {"score": {"x.png": scored}}}, "never": {}})
    made = Mixture("m", (MixtureSource("rows", path="a/rows.jsonl"),))
    (report,) = build(made, tmp_path, tmp_path / "out", guard=guard)
    assert report.rows == 3
    assert "line 3: " in report.bad[0]
    assert "2.png is for scoring, not for training" in report.bad[0]


def test_tasks_wordings_and_conversations(tmp_path: Path) -> None:
    questions(tmp_path / "a", 12, pictures=2)
    rows = {"format": "rows", "path": "a/rows.jsonl"}
    file = mixture(
        tmp_path,
        {**rows, "name": "captions", "task": "caption"},
        {**rows, "name": "worded", "wording": " {question} If it is not there, say so. Answer:"},
        {**rows, "name": "dialogues", "turns": 5},
        {"format": "rows", "name": "replay", "path": "a/rows.jsonl", "share": 0.05},
    )
    build(load_mixture(file), tmp_path, tmp_path / "out")
    first = [lines(tmp_path / "out", number)[0]["turns"] for number in range(2)]
    assert {turn["task"] for turn in first[0]} == {"caption"}  # type: ignore[attr-defined]
    assert {turn["question"] for turn in first[0]} == {""}  # type: ignore[attr-defined]
    assert first[1][0]["question"].endswith("? If it is not there, say so. Answer:")  # type: ignore[index]
    counts = [len(row["turns"]) for row in lines(tmp_path / "out", 2)]  # type: ignore[arg-type]
    assert sorted(counts) == [1, 1, 5, 5]
    assert len(lines(tmp_path / "out", 3)) == 1  # 5 % of 12 + 12 + 4 and itself
    replay = Mixture("r", (MixtureSource("built", path="out", count=50),))
    (report,) = build(replay, tmp_path, tmp_path / "second")
    assert (report.read, report.bad, report.rows) == (29, [], 50)


def test_conversations_keep_the_order_of_questions() -> None:
    images = (Path("a.png"),), (Path("b.png"),)
    rows = [Row(images[n % 2], (Turn(f"{n}", "x"),), where=str(n)) for n in range(6)]
    assert [[turn.question for turn in row.turns] for row in regrouped(rows, 2)] == [
        ["0", "2"],
        ["4"],
        ["1", "3"],
        ["5"],
    ]


def test_files_say_what_they_are(tmp_path: Path) -> None:
    text = {
        "conversations": [{"from": "user", "value": "<img>a</img>Q"}, {"from": "assistant", "value": "A"}]
    }
    chat = {"image": "a", "conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}
    meta = {"one": {"root": "a", "annotation": "b"}}
    (tmp_path / "monkey.json").write_text(json.dumps([text]))
    known = {
        "monkey": tmp_path / "monkey.json",
        "internvl": jsonl(tmp_path / "chat.jsonl", [chat]),
        "rows": jsonl(tmp_path / "own.jsonl", [{"image": "a"}]),
    }
    for format, file in known.items():
        assert mixture_of(file)[0].sources[0].format == format
    for indent in (None, 1):
        (tmp_path / "meta.json").write_text(json.dumps(meta, indent=indent))
        assert mixture_of(tmp_path / "meta.json")[0].sources[0].format == "internvl"
    with pytest.raises(UsageError, match="format 'csv'"):
        mixture_of(known["rows"], "csv")


def test_an_image_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(tmp_path / "a.png")
    check, row = RowCheck(), Row((image,), (Turn("Q?", "a"),))
    check(row)
    monkeypatch.setattr("monkeyvl.data.building.image_size", lambda *_: pytest.fail("looked again"))
    check(row)
