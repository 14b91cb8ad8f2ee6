"""Rows in training order: nothing lost, nothing twice, resumed exactly, split without overlap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import questions

from monkeyvl.data.building import build
from monkeyvl.data.mixture import Mixture, MixtureSource
from monkeyvl.data.rows import BadRow
from monkeyvl.data.streaming import Epoch, Loaded, Rows, Stream
from monkeyvl.errors import UsageError

COUNT = 23


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    folder = tmp_path_factory.mktemp("rows")
    questions(folder / "a", 15)
    questions(folder / "b", COUNT - 15)
    sources = tuple(MixtureSource("rows", name, f"{name}/rows.jsonl") for name in "ab")
    build(Mixture("made", sources, full_stop=False), folder, folder / "built")
    return Rows(folder / "built")


def names(loaded: list[Loaded]) -> list[str]:
    return [one.row.where for one in loaded]


def test_a_built_mixture_and_a_file_are_read(rows: Rows, tmp_path: Path) -> None:
    assert len(rows) == COUNT
    assert not rows.full_stop
    assert rows[14].turns[0].answer == "answer 14"
    assert rows[15].turns[0].answer == "answer 0"
    own = Rows(questions(tmp_path, 3))
    assert [row.turns[0].question for row in own[:]] == ["Question 0?", "Question 1?", "Question 2?"]
    assert own.full_stop
    with pytest.raises(UsageError, match="no built mixture"):
        Rows(tmp_path)
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(UsageError, match="no rows"):
        Rows(tmp_path / "empty.jsonl")
    for text in ('{"conversations": []}', '\n[{"image": "a.png"}]', '{"a": '):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(UsageError, match=r"data build .*other.json --out"):
            Rows(tmp_path / "other.json")


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(0, COUNT), st.integers(0, 9), st.integers(1, 6))
def test_a_resume_gives_exactly_the_rest(rows: Rows, ranks: int, done: int, epoch: int, others: int) -> None:
    whole = [Epoch(rows, 5, epoch, rank, ranks).numbers for rank in range(ranks)]
    assert {len(numbers) for numbers in whole} == {COUNT // ranks}
    seen = [number for numbers in whole for number in numbers]
    assert len(set(seen)) == len(seen) == COUNT // ranks * ranks
    done = min(done, COUNT // ranks)
    rest = [Epoch(rows, 5, epoch, rank, ranks, done * ranks).numbers for rank in range(ranks)]
    assert rest == [numbers[done:] for numbers in whole]
    # on another number of processes: still what nobody has had
    had = {number for numbers in whole for number in numbers[:done]}
    again = [n for rank in range(others) for n in Epoch(rows, 5, epoch, rank, others, done * ranks).numbers]
    assert not had & set(again)
    assert len(set(again)) == len(again) == (COUNT - done * ranks) // others * others


def test_orders_differ_by_epoch_and_seed(rows: Rows) -> None:
    orders = [tuple(Epoch(rows, seed, epoch).numbers) for seed in (1, 2) for epoch in (0, 1)]
    assert len(set(orders)) == 4
    assert orders[0] == tuple(Epoch(rows, 1).numbers)
    assert all(sorted(order) == list(range(COUNT)) for order in orders)


@pytest.mark.parametrize("stop", [0, 1, 10, 11, 12, 21])
def test_a_stream_goes_on_from_its_state(rows: Rows, stop: int) -> None:
    whole = names(list(Stream(rows, 7, rank=1, ranks=2, epochs=2)))
    assert len(whole) == 22
    stream = Stream(rows, 7, rank=1, ranks=2, epochs=2)
    iterator = iter(stream)
    first = names([next(iterator) for _ in range(stop)])
    state = json.loads(json.dumps(stream.state_dict()))
    resumed = Stream(rows, 7, rank=1, ranks=2, epochs=2)
    resumed.load_state_dict(state)
    assert first + names(list(resumed)) == whole
    alone = Stream(rows, 7, epochs=2)
    alone.load_state_dict(state)
    assert len(list(alone)) == 2 * COUNT - state["position"] - COUNT * state["epoch"]


def test_states_of_other_rows_are_refused(rows: Rows, tmp_path: Path) -> None:
    state = Stream(rows, 7).state_dict()
    with pytest.raises(UsageError, match="another seed"):
        Stream(rows, 8).load_state_dict(state)
    with pytest.raises(UsageError, match="other rows"):
        Stream(Rows(questions(tmp_path, 5)), 7).load_state_dict(state)
    with pytest.raises(UsageError, match="ranks count from 0"):
        Epoch(rows, 1, rank=2, ranks=2)


def test_a_corrupt_row_and_a_missing_image_are_passed_over(tmp_path: Path) -> None:
    file = questions(tmp_path, 8, pictures=8)
    text = file.read_text().splitlines()
    text[3] = text[3][:20]
    text[5] = text[5].replace("answer 5", "<|im_end|>")
    file.write_text("\n".join(text))
    (tmp_path / "6.png").unlink()
    rows = Rows(file)
    stream = Stream(rows, 1, epochs=1)
    seen = list(stream)
    assert len(seen) == 8  # as many as there are rows: processes stay in step
    assert {one.row.where.rsplit(" ", 1)[1] for one in seen} == {"1", "2", "3", "5", "8"}
    assert stream.skipped == sum(len(one.skipped) for one in seen) >= 3
    said = " ".join(text for one in seen for text in one.skipped)
    assert f"{file} line 4: is no JSON" in said
    assert "line 6: the text holds the control token '<|im_end|>'" in said
    assert f"line 7: {tmp_path / '6.png'}: no such file" in said
    iterator = iter(again := Stream(rows, 1, epochs=1))
    first = [next(iterator) for _ in range(5)]
    resumed = Stream(rows, 1, epochs=1)
    resumed.load_state_dict(again.state_dict())
    assert names(first + list(resumed)) == names(seen)
    with pytest.raises(BadRow, match=r"rows.jsonl line [467]: "):
        list(Stream(rows, 1, strict=True))


def test_nothing_to_train_on_is_an_error(tmp_path: Path) -> None:
    file = questions(tmp_path, 3, pictures=1)
    (tmp_path / "0.png").unlink()
    with pytest.raises(UsageError, match=r"none of 3 rows can be trained on; the first: .*line"):
        Epoch(Rows(file), 1)[0]
    with pytest.raises(IndexError):
        Epoch(Rows(file), 1)[3]
