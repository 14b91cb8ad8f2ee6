"""The language model equals the reference tensors on both sides of seq_length, however it is driven."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache, Qwen2Config, Qwen2ForCausalLM, StaticCache

from monkeyvl.errors import UsageError
from monkeyvl.models.qwen import QwenConfig, QwenForCausalLM, QwenModel
from monkeyvl.models.qwen.attention import logn_scale, ntk_alpha

TEXTS = ["text_short", "text_at_seq_length", "text_long_1p2x", "text_long_2p3x"]
GREEDY = {"do_sample": False, "max_new_tokens": 12, "min_new_tokens": 12, "pad_token_id": 265}


def logits(model: Any, *args: Any, **kwargs: Any) -> Tensor:
    with torch.no_grad():
        return model(*args, **kwargs).logits


def close(found: Tensor, expected: Tensor, bound: float = 2e-4) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < bound


def pad(rows: list[Tensor], side: str = "left") -> dict[str, Tensor]:
    """Rows (1, T) of any lengths as a batch."""
    width = max(row.shape[1] for row in rows)
    ids = torch.full((len(rows), width), 265)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        place = slice(width - row.shape[1], None) if side == "left" else slice(row.shape[1])
        ids[index, place], mask[index, place] = row[0], 1
    return {"input_ids": ids, "attention_mask": mask}


@pytest.fixture(params=["sdpa", "eager"])
def either(request: pytest.FixtureRequest, official: Path) -> QwenForCausalLM:
    return QwenForCausalLM.from_pretrained(official, attn_implementation=request.param)


@pytest.mark.parametrize("name", TEXTS)
def test_logits_of_texts(either: QwenForCausalLM, reference: Any, name: str) -> None:
    found = logits(either, reference[f"{name}.input_ids"])
    close(found[:, -8:], reference[f"{name}.logits_last8"])
    close(found[:, ::19], reference[f"{name}.logits_stride19"])
    assert either.model.rotary_emb.alpha.tolist() == [reference[f"{name}.ntk_alpha"].item()]


@pytest.mark.parametrize("feature", ["ntk", "logn"])
def test_each_way_can_be_switched_off(official: Path, reference: Any, feature: str) -> None:
    switch = {"ntk": "use_dynamic_ntk", "logn": "use_logn_attn"}[feature]
    model = QwenForCausalLM.from_pretrained(official, **{switch: False})
    found = logits(model, reference["text_long_2p3x.input_ids"])
    close(found[:, -8:], reference[f"text_long_2p3x.no_{feature}.logits_last8"])


@pytest.mark.parametrize("caching", [True, False])
def test_greedy_across_seq_length(either: QwenForCausalLM, reference: Any, caching: bool) -> None:
    expected = "boundary.cache" if caching else "boundary.nocache"
    prompt = reference["boundary.input_ids"]
    found = either.generate(
        prompt, use_cache=caching, output_scores=True, return_dict_in_generate=True, **GREEDY
    )
    assert found.sequences[:, prompt.shape[1] :].tolist() == reference[f"{expected}.greedy_ids"].tolist()
    close(found.scores[-1], reference[f"{expected}.last_step_scores"])
    assert either.model.rotary_emb.alpha.item() == reference[f"{expected}.ntk_alpha_at_end"].item()


def test_static_cache_across_seq_length(either: QwenForCausalLM, reference: Any) -> None:
    prompt = reference["boundary.input_ids"]
    # Longer than seq_length from the first step on: the key length says nothing about positions.
    cache = StaticCache(config=either.config, max_cache_len=400)
    found = either.generate(prompt, past_key_values=cache, **GREEDY)
    assert found[:, prompt.shape[1] :].tolist() == reference["boundary.cache.greedy_ids"].tolist()
    found = either.generate(prompt, cache_implementation="static", **GREEDY)
    assert found[:, prompt.shape[1] :].tolist() == reference["boundary.cache.greedy_ids"].tolist()


def test_static_cache_driven_by_hand(model: QwenForCausalLM, reference: Any) -> None:
    ids = reference["text_long_2p3x.input_ids"]
    cache = StaticCache(config=model.config, max_cache_len=400)
    first = logits(model, ids[:, :-1], past_key_values=cache)
    close(first[:, -7:], reference["text_long_2p3x.logits_last8"][:, :-1])
    close(logits(model, ids[:, -1:], past_key_values=cache), reference["text_long_2p3x.logits_last8"][:, -1:])


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_row_of_a_padded_batch_is_as_alone(either: QwenForCausalLM, reference: Any, side: str) -> None:
    batch = pad([reference[f"{name}.input_ids"] for name in TEXTS], side)
    found = logits(either, **batch)
    assert either.model.rotary_emb.alpha.tolist() == [1, 1, 3, 7]
    for row, mask, name in zip(found, batch["attention_mask"].bool(), TEXTS, strict=True):
        close(row[mask][-8:], reference[f"{name}.logits_last8"][0])
        close(row[mask][::19], reference[f"{name}.logits_stride19"][0])


@pytest.mark.parametrize("options", [{}, {"cache_implementation": "static"}, {"use_cache": False}])
def test_padded_batches_continue_as_alone(model: QwenForCausalLM, reference: Any, options: dict) -> None:
    # One row crosses seq_length while it is continued, the others are shorter or longer from the start.
    names = ["text_short", "boundary", "text_long_1p2x", "text_long_2p3x"]
    rows = [reference[f"{name}.input_ids"] for name in names]
    alone = [model.generate(row, **GREEDY, **options)[0, row.shape[1] :].tolist() for row in rows]
    assert len({tuple(ids) for ids in alone}) == 4
    batch = pad(rows)
    together = model.generate(**batch, **GREEDY, **options)[:, batch["input_ids"].shape[1] :]
    assert together.tolist() == alone


def test_left_padded_reference(either: QwenForCausalLM, reference: Any) -> None:
    batch = {name: reference[f"leftpad.{name}"] for name in ("input_ids", "attention_mask")}
    close(logits(either, **batch)[:, -3:], reference["leftpad.logits_last3"])
    found = either.generate(**batch, **GREEDY)[:, batch["input_ids"].shape[1] :]
    assert found.tolist() == reference["leftpad.greedy_ids"].tolist()


def test_driven_with_embeddings(either: QwenForCausalLM, reference: Any) -> None:
    embeds = reference["image_prompt.inputs_embeds"]
    close(logits(either, inputs_embeds=embeds)[:, -24:], reference["image_prompt.logits_last24"])
    found = either.generate(inputs_embeds=embeds, output_scores=True, return_dict_in_generate=True, **GREEDY)
    assert found.sequences.tolist() == reference["image_prompt.greedy_ids"].tolist()
    expected = reference["image_prompt.greedy_scores"]
    end = expected.isinf()  # the reference forbade the end token at first
    assert end.sum() == 1
    close(torch.stack(found.scores, dim=1).masked_fill(end, 0), expected.masked_fill(end, 0))


@pytest.mark.parametrize("name", ["boundary", "text_long_1p2x"])
def test_embeddings_and_ids_are_continued_alike(model: QwenForCausalLM, reference: Any, name: str) -> None:
    rows = [reference["text_short.input_ids"], reference[f"{name}.input_ids"]]
    batch = pad(rows)
    expected = model.generate(**batch, **GREEDY)[:, batch["input_ids"].shape[1] :]
    embeds = model.get_input_embeddings()(batch["input_ids"])
    found = model.generate(inputs_embeds=embeds, attention_mask=batch["attention_mask"], **GREEDY)
    assert found.tolist() == expected.tolist()


def test_beams_and_samples_in_a_padded_batch(model: QwenForCausalLM, reference: Any) -> None:
    rows = [reference["boundary.input_ids"], reference["text_long_1p2x.input_ids"]]
    batch = pad(rows)
    width = batch["input_ids"].shape[1]
    beams = {**GREEDY, "num_beams": 3, "num_return_sequences": 2}
    together = model.generate(**batch, **beams)[:, width:].tolist()
    alone = [ids[row.shape[1] :] for row in rows for ids in model.generate(row, **beams).tolist()]
    assert together == alone
    samples = []
    for cache in ("dynamic", "static"):
        torch.manual_seed(1)
        options = {**GREEDY, "do_sample": True, "num_return_sequences": 3, "cache_implementation": cache}
        samples.append(model.generate(**batch, **options)[:, width:].tolist())
    assert samples[0] == samples[1]
    assert samples[0][0] != samples[0][1]


def test_alpha_stays_with_its_cache(model: QwenForCausalLM, reference: Any) -> None:
    long, short = reference["text_long_2p3x.input_ids"], reference["text_short.input_ids"]
    caches = DynamicCache(config=model.config), DynamicCache(config=model.config)
    logits(model, long[:, :-1], past_key_values=caches[0])
    logits(model, short[:, :-1], past_key_values=caches[1])
    found = logits(model, long[:, -1:], past_key_values=caches[0])
    close(found, reference["text_long_2p3x.logits_last8"][:, -1:])
    found = logits(model, short[:, -1:], past_key_values=caches[1])
    close(found, reference["text_short.logits_last8"][:, -1:])


def test_more_turns_keep_the_alpha_of_the_first(model: QwenForCausalLM, reference: Any) -> None:
    ids = reference["text_long_2p3x.input_ids"]
    cache = DynamicCache(config=model.config)
    logits(model, ids[:, :100], past_key_values=cache)
    copied = copy.deepcopy(cache)
    found = logits(model, ids[:, 100:], past_key_values=cache)
    close(found[:, -8:], reference["text_long_2p3x.no_ntk.logits_last8"])
    # With padding in front of the second turn of a row.
    mask = torch.cat([torch.ones(1, 100), torch.zeros(1, 3), torch.ones(1, 194)], dim=1)
    second = torch.cat([torch.full((1, 3), 265), ids[:, 100:]], dim=1)
    found = logits(model, second, attention_mask=mask, past_key_values=copied)
    close(found[:, -8:], reference["text_long_2p3x.no_ntk.logits_last8"])


def test_an_emptied_cache_gets_a_new_alpha(model: QwenForCausalLM, reference: Any) -> None:
    cache = StaticCache(config=model.config, max_cache_len=300)
    logits(model, reference["text_long_2p3x.input_ids"], past_key_values=cache)
    cache.reset()
    found = logits(model, reference["text_short.input_ids"], past_key_values=cache)
    close(found[:, -8:], reference["text_short.logits_last8"])


def test_a_cache_is_made_when_asked_for(model: QwenForCausalLM, reference: Any) -> None:
    ids = reference["text_long_1p2x.input_ids"]
    with torch.no_grad():
        first = model(ids[:, :-1], use_cache=True)
        assert model(ids, use_cache=False).past_key_values is None
    found = logits(model, ids[:, -1:], past_key_values=first.past_key_values)
    close(found, reference["text_long_1p2x.logits_last8"][:, -1:])


def test_training_is_plain_qwen2(model: QwenForCausalLM, reference: Any) -> None:
    plain = Qwen2ForCausalLM(Qwen2Config(**{**model.config.to_dict(), "model_type": "qwen2"})).eval()
    plain.load_state_dict(model.state_dict())
    trained = copy.deepcopy(model).train()
    ids = reference["text_long_2p3x.input_ids"]
    close(logits(trained, ids), logits(plain, ids))
    trained.gradient_checkpointing_enable()
    loss = trained(ids, labels=ids).loss
    loss.backward()
    assert trained.model.layers[0].self_attn.q_proj.weight.grad.abs().sum() > 0


def test_bfloat16(official: Path, reference: Any) -> None:
    # Logits reach 10 and bfloat16 keeps 8 bits: 0.25 is 4 of its steps there.
    model = QwenForCausalLM.from_pretrained(official, dtype=torch.bfloat16)
    batch = pad([reference[f"{name}.input_ids"] for name in TEXTS])
    together = logits(model, **batch)
    assert together.dtype == torch.bfloat16
    for name, row in zip(TEXTS, together, strict=True):
        alone = logits(model, reference[f"{name}.input_ids"])[0]
        for found in (alone, row):
            close(found[-8:].float(), reference[f"{name}.logits_last8"][0], bound=0.25)


def test_casting_the_whole_model_leaves_positions_exact(model: QwenForCausalLM) -> None:
    positions = torch.arange(8000)[None]
    cast = copy.deepcopy(model).bfloat16().model.rotary_emb
    cast.alpha = model.model.rotary_emb.alpha = torch.tensor([3.0])
    for found, expected in zip(
        cast(torch.zeros(1), positions), model.model.rotary_emb(torch.zeros(1), positions), strict=True
    ):
        assert torch.equal(found, expected)


def test_the_attention_function_can_be_changed(model: QwenForCausalLM, reference: Any) -> None:
    model = copy.deepcopy(model)
    ids = reference["text_long_1p2x.input_ids"]
    assert model.config._attn_implementation == "sdpa_logn"
    model.set_attn_implementation("eager")
    assert model.config._attn_implementation == "eager_logn"
    with torch.no_grad():
        output = model(ids, output_attentions=True)
    close(output.logits[:, -8:], reference["text_long_1p2x.logits_last8"])
    assert [layer.shape for layer in output.attentions] == [(1, 4, 153, 153)] * 2
    with pytest.raises(UsageError, match=r"flex_attention.*sdpa or eager"):
        model.set_attn_implementation("flex_attention")
    off = QwenConfig(**{**model.config.to_dict(), "use_logn_attn": False})
    assert QwenForCausalLM(off).config._attn_implementation == "sdpa"


def test_a_decoding_step_is_one_graph(model: QwenForCausalLM, reference: Any) -> None:
    ids = reference["text_long_1p2x.input_ids"]
    cache = StaticCache(config=model.config, max_cache_len=200)
    logits(model, ids[:, :-2], past_key_values=cache)
    step = torch.compile(model, backend="eager", fullgraph=True)
    for at in (-2, -1):
        one = slice(at, at + 1 or None)
        position = torch.tensor([[ids.shape[1] + at]])
        found = logits(step, ids[:, one], position_ids=position, past_key_values=cache)
        close(found, reference["text_long_1p2x.logits_last8"][:, one])


def test_saved_and_loaded_again(model: QwenForCausalLM, reference: Any, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    again, report = QwenForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    assert (again.config.seq_length, again.config.use_logn_attn) == (128, True)
    ids = reference["text_long_2p3x.input_ids"]
    assert torch.equal(logits(again, ids), logits(model, ids))
    with torch.no_grad():
        base = QwenModel.from_pretrained(tmp_path)(ids).last_hidden_state
    assert torch.equal(model.lm_head(base), logits(model, ids))


def test_alpha_and_scale_at_their_edges() -> None:
    lengths = torch.tensor([1, 2048, 2049, 4096, 4097, 8192, 8193, 2**31])
    assert ntk_alpha(lengths, 2048).tolist() == [1, 1, 3, 3, 7, 7, 15, 2**21 - 1]
    scale = logn_scale(torch.tensor([[0, 2046, 2047, 2048, 2048**2 - 1]]), 2048)
    assert scale[0, :2].tolist() == [1, 1]
    assert torch.allclose(scale[0, 2:], torch.tensor([1, 1.0000640, 2.0]), atol=1e-6)


def test_threads_with_prompts_of_other_lengths_do_not_meet(model: QwenForCausalLM, reference: Any) -> None:
    """Each waits between the choice of its alpha and its use until the other has chosen."""
    prompts = [reference[f"{name}.input_ids"] for name in ("text_short", "text_long_2p3x")]
    alone = [logits(model, prompt) for prompt in prompts]
    both = threading.Barrier(2, timeout=300)

    def wait(*args: Any) -> None:
        both.wait()

    hook = model.model.rotary_emb.register_forward_pre_hook(wait)
    try:
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda prompt: logits(model, prompt), prompts))
    finally:
        hook.remove()
    for one, other in zip(alone, found, strict=True):
        assert torch.equal(one, other)
