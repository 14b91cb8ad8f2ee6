"""Draws examples/receipt.jpg and its truth, examples/receipt.json.

The seed is one that training never draws (its seeds are "1/train/..."), not chosen by result: it is
the first "example/N" that shows a tax and at least fourteen pieces of text. To draw it again (in another
face where other fonts are installed):
python examples/make_receipt.py
"""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

from monkeyvl.data.synthetic import make_sample

OPTIONS = {"width": 512, "most_rows": 10, "font_px": [28, 44], "strength": 0.3}


def main() -> None:
    here = Path(__file__).resolve().parent
    for number in itertools.count():
        seed = f"example/{number}"
        sample = make_sample("receipt", random.Random(seed), **OPTIONS)
        if "tax" in sample.fields and len(sample.lines) >= 14:
            break
    sample.image.save(here / "receipt.jpg", quality=92)
    truth = {
        "seed": seed,
        "options": OPTIONS,
        "fields": sample.fields,
        "questions": [{"question": one.question, "answer": one.answer} for one in sample.exchanges],
        "lines": [{"text": line.text, "box": [round(value) for value in line.box]} for line in sample.lines],
    }
    (here / "receipt.json").write_text(
        json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
