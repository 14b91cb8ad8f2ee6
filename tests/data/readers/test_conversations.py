"""Files of conversations: Monkey's, InternVL's, monkeyvl's own, and what is wrong with them."""

from __future__ import annotations

import json
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import jsonl, picture
from PIL import Image

from monkeyvl.data.building import RowCheck, gather
from monkeyvl.data.mixture import MixtureSource
from monkeyvl.data.positions import PositionTasks
from monkeyvl.data.readers.conversations import parse_row, read_internvl, read_monkey, read_rows
from monkeyvl.data.readers.files import image_size
from monkeyvl.data.rows import BadRow, Row, Turn
from monkeyvl.errors import UsageError
from monkeyvl.images import open_image


def said(*texts: str, names: tuple[str, str] = ("user", "assistant")) -> dict[str, Any]:
    return {"conversations": [{"from": names[n % 2], "value": text} for n, text in enumerate(texts)]}


def turns(row: Row | BadRow) -> tuple[Turn, ...]:
    assert isinstance(row, Row), row
    return row.turns


def test_monkeys_json(tmp_path: Path) -> None:
    entries = [
        said("<img>coco/1.jpg</img> What is it? Answer: ", "a dog", "Which colour? Answer:", "red"),
        said("<img>coco/1.jpg</img> Generate the detailed caption in English: ", "A dog."),
        said("Picture 1: <img>coco/1.jpg</img>\nOCR with grounding:", "<ref>a</ref><box>(1,2),(3,4)</box>"),
        said("<img>coco/1.jpg</img><ref>This</ref><box>(1,2),(3,4)</box>is", "a"),
        said("<img>/data/old/coco/2.jpg</img> Convert the chart in this image to json format. Answer:", "{}"),
    ]
    file = tmp_path / "train.json"
    file.write_text(json.dumps(entries, indent=1))
    rows = list(read_monkey(file, tmp_path, strip="/data/old/"))
    assert turns(rows[0]) == (Turn("What is it?", "a dog"), Turn("Which colour?", "red"))
    assert turns(rows[1]) == (Turn("", "A dog.", "describe"),)
    assert turns(rows[2])[0].task == "spot"
    assert turns(rows[3]) == (Turn("<ref>This</ref><box>(1,2),(3,4)</box>is", "a", "verbatim"),)
    assert turns(rows[4]) == (Turn("chart", "{}", "json"),)
    assert isinstance(rows[4], Row)
    assert rows[4].images == (tmp_path / "coco" / "2.jpg",)
    line = 1 + file.read_text().split("Convert")[0].rsplit(" {", 2)[0].count("\n")
    assert abs(int(rows[4].where.rsplit(" ", 1)[1]) - line) <= 3  # the entry's opening brace


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<img>/etc/passwd</img> Who? Answer: ", "leaves the image folder"),
        ("<img>../x.jpg</img> Who? Answer: ", "leaves the image folder"),
        ("<img>http://10.0.0.1/x.jpg</img> Who? Answer: ", "addresses are not opened"),
        ("Who? Answer: ", "no <img>path</img>"),
    ],
)
def test_paths_of_a_file_open_nothing_else(text: str, reason: str, tmp_path: Path) -> None:
    (bad,) = read_monkey(jsonl(tmp_path / "a.jsonl", [said(text, "me")]), tmp_path)
    assert isinstance(bad, BadRow)
    assert reason in bad.reason
    assert bad.where == f"{tmp_path / 'a.jsonl'} line 1"


def test_a_corrupt_row_does_not_end_a_file_of_lines(tmp_path: Path) -> None:
    good = {"image": "a.png", "question": "Who?", "answer": 7}
    rows = [good, '{"image": "a.png", "quest', "", [1], {"image": "a.png"}, {"question": "Who?"}, good]
    rows += [{**good, "answer": None}, {**good, "turns": "x"}, {**good, "answer": True}, {**good, "image": 3}]
    rows += [{**good, "regions": [{"text": "a"}]}, {**good, "answer": None, "answers": ["b", "c"]}]
    picture(tmp_path / "a.png")
    read = list(read_rows(jsonl(tmp_path / "rows.jsonl", rows), tmp_path))
    assert [isinstance(row, Row) for row in read] == [True, *[False] * 4, True, *[False] * 5, True]
    assert turns(read[0]) == (Turn("Who?", "7"),)
    assert turns(read[-1]) == (Turn("Who?", "b"),)
    assert str(read[1]).startswith(f"{tmp_path / 'rows.jsonl'} line 2: is no JSON")
    assert str(read[4]).endswith("line 6: no image")


def test_lines_as_other_systems_write_them(tmp_path: Path) -> None:
    line = json.dumps({"image": "a.png", "question": "Où?", "answer": "là 黄"}, ensure_ascii=False).encode()
    file = tmp_path / "rows.jsonl"
    file.write_bytes(
        b"\xef\xbb\xbf" + b"\r\n".join([line, b" ", line, line.decode().encode("latin-1", "replace")])
    )
    one, other, bad = read_rows(file, tmp_path)
    assert turns(one) == turns(other) == (Turn("Où?", "là 黄"),)
    assert str(bad).startswith(f"{file} line 4: is no UTF-8 text")


def test_a_broken_list_is_read_up_to_the_place(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('[\n{"image": "a.png", "question": "q", "answer": "a"},\n\n{"image": nothing},\n{}]')
    good, bad = read_rows(file, tmp_path)
    assert isinstance(good, Row)
    assert good.where == f"{file} line 2"
    assert str(bad) == f"{file} line 4: is no JSON from here on: the rest of the file was not read"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="no UTF-8"):
        list(read_rows(file, tmp_path))
    with pytest.raises(UsageError, match="no such file"):
        list(read_rows(tmp_path / "none.jsonl", tmp_path))


def test_own_rows_with_turns_regions_and_structure(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    row = {
        "images": ["a.png"],
        "turns": [{"question": "", "answer": "A page.", "task": "caption"}],
        "regions": [
            {"text": "one", "box": [20, 10, 60, 30]},
            {"text": "two", "quad": [[20, 10], [60, 12], [60, 30], [20, 28]]},
            {"text": "three", "point": [100, 50]},
        ],
        "structure": {"kind": "form", "pairs": [["a", "b"]]},
    }
    (read,) = read_rows(jsonl(tmp_path / "rows.jsonl", [row]), tmp_path)
    assert isinstance(read, Row)
    assert read.turns == (Turn("", "A page.", "caption"),)
    assert [place.markup for place in read.places] == [
        "<box>(100,100),(300,300)</box>",
        "<quad>(100,100),(300,120),(300,300),(100,280)</quad>",
        "<point>(500,500)</point>",
    ]
    assert read.structure == {"kind": "form", "pairs": [["a", "b"]]}


def test_internvls_meta_json(tmp_path: Path) -> None:
    def row(image: object, *texts: str) -> dict[str, Any]:
        return {"id": 0, "image": image, "width": 9, **said(*texts, names=("human", "gpt"))}

    box = "<ref>dog</ref><box>[[1, 2, 3, 4]]</box>"
    jsonl(
        tmp_path / "notes" / "one.jsonl",
        [
            row("a.png", "<image>\nWhat is it?", "a dog", "Where?", box),
            row(["a.png", "b.png"], "<image>\n<image>\nWhich?", "the first"),
            row("a.png", "What is it?\n<image>", "a dog"),
            row("a.png", "See <image> here", "no"),
            row("a.png", "<image>\n<image>\nWhich?", "no"),
            {"id": 1, **said("Hello", "Hi", names=("human", "gpt"))},
            row("../../a.png", "<image>\nWhat?", "no"),
        ],
    )
    jsonl(tmp_path / "notes" / "two.jsonl", [row(f"{n}.png", "<image>\nN?", str(n)) for n in range(5)])
    meta = {
        "one": {"root": "pictures/one/", "annotation": "notes/one.jsonl", "repeat_time": 1, "length": 7},
        "two": {"root": "pictures/two/", "annotation": "notes/two.jsonl", "repeat_time": 0.4},
        "twice": {"root": "pictures/two/", "annotation": "notes/two.jsonl", "repeat_time": 2},
    }
    file = tmp_path / "meta.json"
    file.write_text(json.dumps(meta))
    rows = list(read_internvl(file, tmp_path))
    assert turns(rows[0]) == (
        Turn("What is it?", "a dog"),
        Turn("Where?", "<ref>dog</ref><box>(1,2),(3,4)</box>"),
    )
    assert isinstance(rows[1], Row)
    assert [image.name for image in rows[1].images] == ["a.png", "b.png"]
    assert turns(rows[2]) == (Turn("What is it?", "a dog"),)
    reasons = [row.reason for row in rows[3:7] if isinstance(row, BadRow)]
    assert [reason.split(":")[0] for reason in reasons[:3]] == [
        "<image> within the text",
        "2 <image> for 1 images",
        "no image",
    ]
    assert "leaves the image folder" in reasons[3]
    assert [turns(row)[0].answer for row in rows[7:9]] == ["2", "4"]
    assert [turns(row)[0].answer for row in rows[9:]] == [str(n // 2) for n in range(10)]
    file.write_text(json.dumps({"one": {"root": "a"}}))
    with pytest.raises(UsageError, match="root and annotation are expected"):
        list(read_internvl(file, tmp_path))


def test_sizes_are_those_of_upright_images(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100)).save(tmp_path / "turned.jpg", exif=exif)
    assert image_size(tmp_path / "turned.jpg", "") == open_image(tmp_path / "turned.jpg").size == (100, 200)
    assert image_size(picture(tmp_path / "a.png"), "") == (200, 100)


@pytest.mark.parametrize("side", [10_000, 40_000])
def test_a_huge_image_is_a_bad_row(side: int, tmp_path: Path) -> None:
    file = picture(tmp_path / "a.png", size=(8, 8))
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = file.read_bytes()
    file.write_bytes(data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:])
    with pytest.raises(BadRow, match=r"more pixels than the limit of 80,000,000"):
        image_size(file, "")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
region = st.fixed_dictionaries({}, optional={"text": json_values, "box": json_values, "point": json_values})
entry = st.fixed_dictionaries(
    {},
    optional={
        "image": st.just("a.png") | json_values,
        "question": json_values,
        "answer": st.sampled_from(["a", "\ud800", "<box>(1,2)</box>"]) | json_values,
        "answers": json_values,
        "task": st.sampled_from(["json", "spot"]) | json_values,
        "turns": json_values,
        "regions": st.lists(region | json_values, max_size=3) | json_values,
        "structure": st.fixed_dictionaries(
            {"kind": st.sampled_from(["table", "chart", "form"])},
            optional={
                "header": json_values,
                "rows": json_values,
                "series": json_values,
                "pairs": json_values,
            },
        )
        | json_values,
        "conversations": json_values,
    },
)


@settings(max_examples=300, deadline=None)
@given(st.lists(entry | json_values, min_size=1, max_size=4))
def test_no_row_breaks_the_reading(tmp_path_factory: pytest.TempPathFactory, entries: list[Any]) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    picture(folder / "a.png")
    file = folder / "rows.jsonl"
    entries = [{"image": "a.png"}, *entries]  # a file that begins with a list is a list
    file.write_text("".join(json.dumps(one) + "\n" for one in entries))
    check = RowCheck()
    for format in ("rows", "monkey", "internvl"):
        tasks = PositionTasks(spot=1, read=1, locate=1, recognise=1, ground=True)
        structure = ("json", "markdown")
        source = MixtureSource(format, path="rows.jsonl", positions=tasks, structure=structure)
        lines, report = gather(source, folder, 1, check)
        assert len(lines) + len(report.bad) + report.without_task == report.read == len(entries)
        assert all(bad.startswith(f"{file} line ") for bad in report.bad)
        for line in lines:
            line.encode()
            assert isinstance(parse_row(json.loads(line), "", folder), Row)
