"""All metrics by name, in the shape that the runner uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monkeyvl.errors import UsageError
from monkeyvl.evaluation.metrics import (
    boxes,
    captions,
    choice,
    edits,
    fields,
    spotting,
    strings,
    suites,
    tables,
    vqa,
    wtq,
)
from monkeyvl.evaluation.metrics.base import Metric, Row, example_metric


def _error_rows(words: bool) -> Any:
    def measure(predictions: Sequence[str], references: Sequence[Sequence[str]], variant: str) -> list[Row]:
        return [
            edits.error_row(p, r, variant, words=words) for p, r in zip(predictions, references, strict=True)
        ]

    return measure


def _cider_rows(predictions: Sequence[str], references: Sequence[Sequence[str]], variant: str) -> list[Row]:
    return [(score,) for score in captions.cider_each(predictions, references, variant)]


def _bleu_4(rows: Sequence[Row], variant: str) -> float:
    return captions.bleu_of(rows)[-1]


def _mme_rows(
    predictions: Sequence[str], references: Sequence[suites.MMEQuestion], variant: str
) -> list[Row]:
    return suites.mme_rows(predictions, references)


_ALL = (
    example_metric(
        strings.anls, "anls", "normalised Levenshtein similarity, 0 below one half", strings.ANLS_VARIANTS
    ),
    example_metric(
        strings.relaxed_accuracy, "relaxed_accuracy", "ChartQA: numbers within 5 %", strings.RELAXED_VARIANTS
    ),
    example_metric(strings.exact_match, "exact_match", "equal without case", strings.EXACT_VARIANTS),
    example_metric(strings.contains, "contains", "truth contained in the answer", strings.CONTAINS_VARIANTS),
    example_metric(vqa.vqa_accuracy, "vqa_accuracy", "agreement with ten people", vqa.VQA_VARIANTS),
    example_metric(vqa.gqa_match, "gqa", "GQA's exact match", vqa.GQA_VARIANTS),
    example_metric(choice.multiple_choice, "multiple_choice", "right option chosen", choice.CHOICE_VARIANTS),
    example_metric(wtq.wtq_match, "wtq_match", "WikiTableQuestions' denotation", wtq.WTQ_VARIANTS),
    Metric("cider", "CIDEr-D, 0..10", "corpus", captions.CAPTION_VARIANTS, "ptb_tokenized", _cider_rows),
    Metric(
        "bleu", "BLEU-4", "corpus", captions.CAPTION_VARIANTS, "ptb_tokenized", captions.bleu_rows, _bleu_4
    ),
    example_metric(captions.rouge_l, "rouge_l", "ROUGE-L", captions.CAPTION_VARIANTS),
    Metric(
        "field_f1",
        "micro F1 of fields (DeepForm, KLC)",
        "corpus",
        fields.FIELD_VARIANTS,
        "ignore_case",
        fields.field_rows,
        fields.f1_of,
        takes="fields",
    ),
    Metric(
        "character_error_rate",
        "edits over characters of the truth",
        "corpus",
        edits.ERROR_RATE_VARIANTS,
        "standard",
        _error_rows(words=False),
        edits.error_rate,
        higher_is_better=False,
    ),
    Metric(
        "word_error_rate",
        "edits over words of the truth",
        "corpus",
        edits.ERROR_RATE_VARIANTS,
        "standard",
        _error_rows(words=True),
        edits.error_rate,
        higher_is_better=False,
    ),
    Metric(
        "spotting",
        "H-mean of words read",
        "corpus",
        spotting.SPOTTING_VARIANTS,
        "transcription",
        spotting.spotting_rows,
        fields.f1_of,
        takes="words",
    ),
    example_metric(boxes.iou, "iou", "overlap with the true box", boxes.IOU_VARIANTS, takes="box"),
    example_metric(
        boxes.point_in_box, "point_in_box", "point in the true box", boxes.POINT_VARIANTS, takes="point"
    ),
    example_metric(
        boxes.click_accuracy, "click", "within 50/1000 of the true point", boxes.CLICK_VARIANTS, takes="point"
    ),
    example_metric(tables.teds, "teds", "similarity of tables as trees", tables.TEDS_VARIANTS),
    example_metric(suites.ocrbench_match, "ocrbench", "OCRBench's points", suites.OCRBENCH_VARIANTS),
    Metric("mme", "MME's score", "corpus", suites.MME_VARIANTS, "perception", _mme_rows, suites.mme_score),
    Metric(
        "pope",
        "POPE: object hallucination",
        "corpus",
        suites.POPE_VARIANTS,
        "f1",
        suites.pope_rows,
        suites.pope_score,
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def get_metric(name: str) -> Metric:
    """The metric of that name; UsageError where there is none."""
    if name not in METRICS:
        raise UsageError(f"no metric {name!r}; one of {', '.join(METRICS)}")
    return METRICS[name]
