"""Scale compression against the reference tensors and against attention with the whole matrix in memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import (
    Gemma2Config,
    GPT2Config,
    GptOssConfig,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    OlmoeConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)
from transformers.models.auto import AutoModel

from monkeyvl.errors import UsageError
from monkeyvl.models.minimonkey.compression import (
    ImageSpan,
    PruningPlan,
    check_supported,
    detail_scores,
    gather,
    kept_count,
    plan_pruning,
    select_kept,
)

TINY: dict[str, Any] = {
    "vocab_size": 32,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "attn_implementation": "eager",
}
FULL = ["full_attention", "full_attention"]
FAMILIES = {
    "llama": LlamaConfig(**TINY),
    "qwen2": Qwen2Config(**TINY),
    "qwen3": Qwen3Config(**TINY, head_dim=8),
}


def tiny_model(config: PreTrainedConfig) -> Any:
    torch.manual_seed(7)
    model = AutoModel.from_config(config).eval()
    for parameter in model.parameters():
        # The usual 0.02 gives nearly even attention, in which a wrong score would not show.
        torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=0.3)
    return model


def span(first: int, detail: range, tokens: int) -> ImageSpan:
    return ImageSpan(first, torch.tensor(list(detail), dtype=torch.long), tokens)


def plain_attention(model: Any, embeds: Tensor, mask: Tensor) -> Tensor:
    """(B, T, T) attention of the second layer, averaged over heads, from transformers' own eager pass."""
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        seen = model(
            inputs_embeds=embeds, attention_mask=mask, position_ids=positions, output_attentions=True
        )
    return seen.attentions[1].mean(1)


def plain_choice(attention: Tensor, mask: Tensor, images: list[ImageSpan], compression: float) -> list[int]:
    """Kept detail positions of one row, from its whole (T, T) attention."""
    everyone = {int(p) for image in images for p in image.detail}
    kept: list[int] = []
    for image in images:
        own = image.detail.tolist()
        voters = [t for t in range(own[-1] + 1, len(mask)) if mask[t] and t not in everyone]
        scores = attention[voters][:, own].mean(0)
        best = sorted(range(len(own)), key=lambda i: -float(scores[i]))[: kept_count(len(own), compression)]
        kept += sorted(own[i] for i in best)
    return kept


@pytest.mark.parametrize(("order", "detail"), [("demo_order", range(22, 46)), ("train_order", range(6, 30))])
def test_kept_positions_equal_the_reference(reference: Any, model: Any, order: str, detail: range) -> None:
    out, ids = reference.outputs, reference.inputs["input_ids"]
    tiles = out["vit_embeds"]
    if order == "train_order":
        tiles = tiles[reference.info["train_order_permutation_of_demo_tiles"]]
    embeds = model.get_input_embeddings()(ids).detach()
    embeds[ids == reference.info["img_context_token_id"]] = tiles.flatten(0, 1)
    language_model, images = model.model.language_model, [[span(6, detail, 44)]]

    exact = plan_pruning(language_model, embeds, torch.ones_like(ids), images, 0.5)
    assert exact.kept_detail[0].tolist() == out[f"{order}.scm_intended.kept_positions"].tolist()
    assert len(exact.keep[0]) == 53
    official = plan_pruning(language_model, embeds, torch.ones_like(ids), images, 0.5, mode="official")
    assert official.kept_detail[0].tolist() == out[f"{order}.scm.kept_positions"].tolist()
    assert official.keep[0].tolist() == out[f"{order}.scm.all_kept_positions"].tolist()
    scores = detail_scores(language_model, embeds, torch.arange(6, 30), torch.arange(30, 65))
    torch.testing.assert_close(scores, out[f"{order}.scm.scores"][0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("left", [0, 6])
def test_official_span_in_padded_rows(left: int) -> None:
    length, first, end = left + 30, left + 2, left + 22
    model, embeds = tiny_model(FAMILIES["llama"]), torch.randn(1, length, 32)
    mask = torch.ones(1, length, dtype=torch.long)
    mask[0, :left] = 0
    # Four adaptive tokens come first, and the published code takes them for detail tokens.
    images = [[span(first, range(first + 4, end + 4), 24)]]
    plan = plan_pruning(model, embeds, mask, images, 0.5, mode="official")
    scores = plain_attention(model, embeds, mask)[0, end:, first:end].mean(0)
    kept = sorted(first + int(i) for i in scores.topk(10).indices)
    assert plan.kept_detail[0].tolist() == kept
    assert plan.keep[0].tolist() == [*range(left, first), *kept, *range(end + 1, length)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("padding", ["left", "right"])
def test_equals_plain_attention_in_padded_batches(family: str, padding: str) -> None:
    model = tiny_model(FAMILIES[family])
    embeds, mask = torch.randn(3, 40, 32), torch.ones(3, 40, dtype=torch.long)
    shift = 9 if padding == "left" else 0
    mask[1, slice(0, 9) if padding == "left" else slice(31, 40)] = 0
    images = [
        [span(2, range(2, 10), 11), span(15, range(18, 29), 16)],
        [span(shift + 3, range(shift + 3, shift + 14), 12), span(shift + 18, range(0), 2)],
        [],
    ]
    attention = plain_attention(model, embeds, mask)
    for compression in (0.3, 0.5, 0.99):
        plan = plan_pruning(model, embeds, mask, images, compression, chunk_size=7)
        for row in range(3):
            solid = [image for image in images[row] if len(image.detail)]
            expected = plain_choice(attention[row], mask[row], solid, compression)
            assert plan.kept_detail[row].tolist() == expected
            gone = {int(p) for image in solid for p in image.detail} - set(expected)
            assert plan.keep[row].tolist() == [t for t in range(40) if mask[row, t] and t not in gone]


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_equal_plain_attention_for_any_chunk_size(family: str) -> None:
    model = tiny_model(FAMILIES[family])
    embeds = torch.randn(1, 50, 32)
    expected = plain_attention(model, embeds, torch.ones(1, 50, dtype=torch.long))[0, 20:, 4:20].mean(0)
    for chunk_size in (1, 3, 16, 1000):
        scores = detail_scores(model, embeds, torch.arange(4, 20), torch.arange(20, 50), chunk_size)
        torch.testing.assert_close(scores, expected, atol=1e-6, rtol=0)


def test_dynamic_rope_depends_on_this_prompt_only() -> None:
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    config = LlamaConfig(**TINY, max_position_embeddings=32, rope_parameters=rope)
    embeds, longer = torch.randn(1, 50, 32), torch.randn(1, 90, 32)
    every = torch.ones(1, 50, dtype=torch.long)
    expected = plain_attention(tiny_model(config), embeds, every)[0, 20:, 4:20].mean(0)
    model = tiny_model(config)
    model(inputs_embeds=longer)
    before = model.rotary_emb.inv_freq.clone()
    scores = detail_scores(model, embeds, torch.arange(4, 20), torch.arange(20, 50))
    torch.testing.assert_close(scores, expected, atol=1e-6, rtol=0)
    assert torch.equal(model.rotary_emb.inv_freq, before)


class Sizes(TorchDispatchMode):
    """The shapes of everything computed inside."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, tuple | list) else (result,):
            if isinstance(value, Tensor):
                self.seen.append(tuple(value.shape))
        return result

    def squares(self, length: int) -> list[tuple[int, ...]]:
        return [s for s in self.seen if s.count(length) > 1 or torch.Size(s).numel() >= length * length]


@pytest.mark.parametrize("backend", [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_tensor_of_prompt_by_prompt_size(family: str, backend: SDPBackend) -> None:
    model = tiny_model(FAMILIES[family])
    embeds, mask = torch.randn(1, 600, 32), torch.ones(1, 600, dtype=torch.long)
    with Sizes() as sizes, sdpa_kernel(backend):
        plan_pruning(model, embeds, mask, [[span(2, range(2, 400), 450)]], 0.5, chunk_size=16)
    assert sizes.seen
    assert sizes.squares(600) == []
    with Sizes() as sizes, sdpa_kernel(backend):
        plan_pruning(model, embeds[:, :21], mask[:, :21], [[span(2, range(2, 12), 12)]], 0.5)
    assert [shape for shape in sizes.seen if shape.count(21) > 1] == []
    with Sizes() as sizes:
        plain_attention(model, embeds, mask)
    assert sizes.squares(600)


@given(n=st.integers(0, 5000), percent=st.integers(0, 99))
@example(n=100, percent=90)
@example(n=10, percent=95)
def test_kept_count(n: int, percent: int) -> None:
    kept = kept_count(n, percent / 100)
    assert kept == max(min(n, 1), n * (100 - percent) // 100)


def test_equal_scores_keep_the_earlier_token() -> None:
    scores = torch.tensor([1.0, 3.0, 2.0, 3.0, 2.0, 2.0])
    assert select_kept(scores, 0.5).tolist() == [1, 2, 3]
    assert select_kept(torch.zeros(1000), 0.99).tolist() == list(range(10))


def test_compression_zero_keeps_all_but_padding_on_any_model() -> None:
    mask = torch.tensor([[0, 0, 1, 1, 1, 1]])
    plan = plan_pruning(torch.nn.Linear(1, 1), torch.randn(1, 6, 32), mask, [[span(3, range(3, 5), 2)]], 0.0)
    assert plan.keep[0].tolist() == [2, 3, 4, 5]
    assert plan.kept_detail[0].tolist() == [3, 4]


def test_gather_pads_either_side() -> None:
    plan = PruningPlan(keep=[torch.tensor([1, 3]), torch.tensor([0, 1, 2])], kept_detail=[])
    ids = torch.tensor([[10, 11, 12, 13], [20, 21, 22, 23]])
    assert gather(plan, ids, -1).tolist() == [[-1, 11, 13], [20, 21, 22]]
    assert gather(plan, ids, -1, padding_side="right").tolist() == [[11, 13, -1], [20, 21, 22]]
    embeds = torch.randn(2, 4, 5, requires_grad=True)
    pruned = gather(plan, embeds, 0.0)
    assert torch.equal(pruned[0], torch.stack([torch.zeros(5), embeds[0, 1], embeds[0, 3]]))
    pruned.sum().backward()
    assert embeds.grad is not None
    assert embeds.grad.sum() == 25


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        (GptOssConfig(**TINY, head_dim=8, layer_types=FULL, num_local_experts=2), "GptOssModel: .*sinks"),
        (GptOssConfig(**TINY, head_dim=8, num_local_experts=2), "GptOssModel: .*sliding_attention"),
        (MistralConfig(**TINY, sliding_window=16), "MistralModel: .*sliding window of 16"),
        (Qwen2Config(**TINY, layer_types=["full_attention", "sliding_attention"]), "Qwen2Model: .*sliding"),
        (Gemma2Config(**TINY, head_dim=8, layer_types=FULL), "Gemma2Model: .*pre_feedforward_layernorm"),
        (OlmoeConfig(**TINY, num_experts=2), "OlmoeModel: its k_norm"),
        (LlamaConfig(**TINY | {"num_hidden_layers": 1}), r"LlamaModel: it has 1 layer"),
        (GPT2Config(vocab_size=32, n_embd=32, n_layer=2, n_head=4), "GPT2Model"),
        (GraniteConfig(**TINY, residual_multiplier=0.22), "GraniteModel: its residual_multiplier is 0.22"),
        (SmolLM3Config(**TINY, no_rope_layers=[1, 0]), "SmolLM3Model: it treats positions"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_architectures_it_cannot_serve_are_refused_by_name(config: PreTrainedConfig, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as caught:
        check_supported(AutoModel.from_config(config))
    assert "\n" not in str(caught.value)


def test_bad_use_is_refused() -> None:
    model, embeds = tiny_model(FAMILIES["llama"]), torch.randn(1, 12, 32)
    mask, image = torch.ones(1, 12, dtype=torch.long), span(2, range(2, 6), 5)
    for compression in (1, 1.5, -0.1, float("nan")):
        with pytest.raises(UsageError, match="at least 0 and below 1"):
            plan_pruning(model, embeds, mask, [[image]], compression)
    with pytest.raises(UsageError, match="exact or official, got 'fast'"):
        plan_pruning(model, embeds, mask, [[image]], 0.5, mode="fast")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="one image a row, row 0 has 2"):
        plan_pruning(model, embeds, mask, [[image, span(7, range(7, 9), 2)]], 0.5, mode="official")
    for mode in ("exact", "official"):
        with pytest.raises(UsageError, match="tokens after the images of row 0"):
            plan_pruning(model, embeds, mask, [[span(6, range(6, 12), 6)]], 0.5, mode=mode)  # type: ignore[arg-type]
