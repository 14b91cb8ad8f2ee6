"""Features and logits equal the official code's; images, features and compression go together as said."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForImageTextToText,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLModel,
    InternVLVisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen3Config,
)

from monkeyvl.errors import UsageError
from monkeyvl.models.minimonkey import MiniMonkeyForConditionalGeneration, MiniMonkeyModel, attach

ORDERS = ["demo_order", "train_order"]


def close(found: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=0)


def left_padded(rows: list[Tensor], pad: int = 0) -> tuple[Tensor, Tensor]:
    longest = max(len(row) for row in rows)
    ids = torch.stack([torch.cat([torch.full((longest - len(row),), pad), row]) for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    return ids, mask


@torch.no_grad()
def test_features_equal_the_reference(model: MiniMonkeyForConditionalGeneration, reference: Any) -> None:
    output = model.get_image_features(**reference.images("demo_order"), output_hidden_states=True)
    expected = reference.outputs
    (features,) = output.pooler_output
    close(features.view(11, 4, 64), expected["vit_embeds"], 1e-4)
    close(output.last_hidden_state, expected["vit.last_hidden_state"], 1e-4)
    for layer in range(4):
        close(output.hidden_states[layer][:1], expected[f"vit.hidden_states.{layer}.tile0"], 1e-4)


@torch.no_grad()
def test_another_vision_layer_equals_the_reference(
    model: MiniMonkeyForConditionalGeneration, reference: Any
) -> None:
    model = copy.deepcopy(model)
    model.config.vision_feature_layer = -2
    tile = reference.images("demo_order")["pixel_values"][:1]
    (features,) = model.get_image_features(tile).pooler_output
    close(features[None], reference.outputs["vit_embeds.select_layer_-2_tile0"], 1e-4)


@torch.no_grad()
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_logits_equal_the_reference(official: Path, reference: Any, order: str, attention: str) -> None:
    model = MiniMonkeyForConditionalGeneration.from_pretrained(official, attn_implementation=attention)
    output = model(**reference.prompt(order), output_hidden_states=True)
    close(output.logits[:, -15:], reference.outputs[f"{order}.logits_last15"], 2e-4)
    close(output.logits[:, ::9], reference.outputs[f"{order}.logits_stride9"], 2e-4)
    for layer in range(4):
        expected = reference.outputs[f"{order}.hidden_states.{layer}_last6"]
        close(output.hidden_states[layer][:, -6:], expected, 2e-4)
    if order == "demo_order":
        embeds, _ = model.model.embed(**{key: reference.prompt(order)[key] for key in IMAGE_KEYS})
        close(embeds, reference.outputs["demo_order.inputs_embeds"], 1e-4)


IMAGE_KEYS = ("input_ids", "pixel_values", "num_tiles", "tile_layers")


@torch.no_grad()
def test_text_beyond_the_trained_length_and_back(
    model: MiniMonkeyForConditionalGeneration, reference: Any
) -> None:
    # The official rotary cache never shrinks: there the short text after the long one is off by 8.
    for name in ("text_short", "text_long_1p5x", "text_short"):
        logits = model(input_ids=reference.inputs[f"{name}.input_ids"]).logits
        close(logits[:, -8:], reference.outputs[f"{name}.logits_last8"], 2e-4)
        close(logits[:, ::37], reference.outputs[f"{name}.logits_stride37"], 2e-4)


def test_norms_and_activations(model: MiniMonkeyForConditionalGeneration) -> None:
    # Too small in their effect for the reference tensors to tell: eps 1e-5 for 1e-6 moves features by 1e-4.
    vision = model.model.vision_tower
    for layer in vision.encoder.layer:
        for norm in (layer.layernorm_before, layer.layernorm_after):
            assert type(norm) is nn.LayerNorm
            assert norm.eps == 1e-6
        assert is_exact_gelu(layer.mlp.activation_fn)
    assert type(vision.layernorm) is nn.Identity
    projector = model.model.multi_modal_projector
    assert projector.layer_norm.eps == 1e-5
    assert is_exact_gelu(projector.act)
    text = model.model.language_model
    for layer in text.layers:
        assert (
            layer.input_layernorm.variance_epsilon == layer.post_attention_layernorm.variance_epsilon == 1e-5
        )
        assert torch.equal(layer.mlp.act_fn(torch.tensor(1.5)), nn.functional.silu(torch.tensor(1.5)))
    assert text.norm.variance_epsilon == 1e-5
    assert model.lm_head.weight is not text.embed_tokens.weight


def is_exact_gelu(function: Any) -> bool:
    values = torch.linspace(-3, 3, 50)
    return torch.equal(function(values), nn.functional.gelu(values, approximate="none"))


@torch.no_grad()
def test_features_of_several_images(model: MiniMonkeyForConditionalGeneration, reference: Any) -> None:
    tiles = reference.images("demo_order")["pixel_values"]
    together = model.get_image_features(
        pixel_values=tiles, num_tiles=torch.tensor([3, 1, 7]), tile_layers=torch.zeros(11, dtype=torch.long)
    ).pooler_output
    assert [image.shape for image in together] == [(12, 64), (4, 64), (28, 64)]
    alone = model.get_image_features(pixel_values=tiles[3:4]).pooler_output
    close(together[1], alone[0], 1e-5)
    assert len(model.get_image_features(pixel_values=tiles).pooler_output) == 1
    listed = model.get_image_features(pixel_values=tiles, num_tiles=[3, 1, 7]).pooler_output
    assert all(torch.equal(image, other) for image, other in zip(listed, together, strict=True))


def test_counts_and_layers_may_be_lists(model: MiniMonkeyForConditionalGeneration, reference: Any) -> None:
    prompt = reference.prompt()
    lists = {
        **prompt,
        "num_tiles": prompt["num_tiles"].tolist(),
        "tile_layers": prompt["tile_layers"].tolist(),
    }
    kept = model.kept_positions(**prompt, compression=0.5)[0]
    assert torch.equal(model.kept_positions(**lists, compression=0.5)[0], kept)


@torch.no_grad()
def test_left_padded_batch_equals_single(model: MiniMonkeyForConditionalGeneration, reference: Any) -> None:
    prompt, text = reference.prompt(), reference.inputs["text_short.input_ids"][0]
    tiles = prompt["pixel_values"]
    short = torch.cat([text[:7], torch.full((8,), 317), text[7:12], torch.full((4,), 317), text[12:20]])
    ids, mask = left_padded([prompt["input_ids"][0], text, short])
    batch = model(
        input_ids=ids,
        attention_mask=mask,
        pixel_values=torch.cat([tiles, tiles[4:6], tiles[2:3]]),
        num_tiles=torch.tensor([11, 2, 1]),
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
    )
    assert [len(image) for image in batch.image_hidden_states] == [44, 8, 4]
    singles = [
        model(**prompt),
        model(input_ids=text[None]),
        model(input_ids=short[None], pixel_values=tiles[[4, 5, 2]], num_tiles=torch.tensor([2, 1])),
    ]
    for row, single in zip(batch.logits, singles, strict=True):
        close(row[-single.logits.shape[1] :], single.logits[0], 1e-4)


@torch.no_grad()
def test_features_in_place_of_pixels(model: MiniMonkeyForConditionalGeneration, reference: Any) -> None:
    prompt = reference.prompt()
    expected = model(**prompt).logits
    features = model.get_image_features(**reference.images("train_order")).pooler_output
    text = {key: prompt[key] for key in ("input_ids", "attention_mask")}
    assert torch.equal(model(**text, image_features=features).logits, expected)
    assert torch.equal(model(**text, image_features=list(features)).logits, expected)
    embeds, _ = model.model.embed(prompt["input_ids"], image_features=features)
    assert torch.equal(model(inputs_embeds=embeds).logits, expected)
    base = model.model(**text, image_features=features)
    close(model.lm_head(base.last_hidden_state), expected, 1e-5)
    close(model(**prompt, logits_to_keep=1).logits, expected[:, -1:], 1e-5)
    assert torch.equal(model(**prompt, return_dict=False)[0], expected)


@torch.no_grad()
@pytest.mark.parametrize("order", ORDERS)
def test_official_compression_equals_the_reference(
    model: MiniMonkeyForConditionalGeneration, reference: Any, order: str
) -> None:
    prompt = {**reference.prompt(order), "compression": 0.5, "compression_mode": "official"}
    (kept,) = model.kept_positions(**prompt)
    assert torch.equal(kept, reference.outputs[f"{order}.scm.kept_positions"])
    logits = model(**prompt).logits
    assert logits.shape[1] == reference.outputs[f"{order}.scm.inputs_embeds_shape"][1] == 52
    close(logits[:, -15:], reference.outputs[f"{order}.scm.prompt_logits_last15"], 2e-4)


@torch.no_grad()
@pytest.mark.parametrize("order", ORDERS)
def test_kept_positions_equal_the_intended_ones(
    model: MiniMonkeyForConditionalGeneration, reference: Any, order: str
) -> None:
    prompt = reference.prompt(order)
    expected = reference.outputs[f"{order}.scm_intended.kept_positions"]
    (kept,) = model.kept_positions(**prompt, compression=0.5)
    assert torch.equal(kept, expected)
    # in a padded row, positions count from its start, padding included
    text = reference.inputs["text_short.input_ids"][0]
    ids, mask = left_padded([torch.cat([text[:5], prompt["input_ids"][0]]), prompt["input_ids"][0], text])
    features = model.get_image_features(**reference.images(order)).pooler_output
    kept = model.kept_positions(
        ids,
        mask,
        image_features=[*features, *features],
        num_tiles=torch.tensor([11, 11]),
        tile_layers=prompt["tile_layers"].repeat(2),
        compression=0.5,
    )
    assert [len(row) for row in kept] == [12, 12, 0]
    assert torch.equal(kept[1], expected + 5)
    first = reference.info[f"{order}.scm"]["true_detail_range"][0]
    (everything,) = model.kept_positions(**prompt)
    assert everything.tolist() == list(range(first, first + 24))


@torch.no_grad()
def test_compressed_logits_are_those_of_the_shorter_prompt(
    model: MiniMonkeyForConditionalGeneration, reference: Any
) -> None:
    prompt = reference.prompt()
    (kept,) = model.kept_positions(**prompt, compression=0.5)
    embeds, _ = model.model.embed(**{key: prompt[key] for key in IMAGE_KEYS})
    stays = [at for at in range(65) if not 6 <= at < 30 or at in kept.tolist()]
    plain = LlamaForCausalLM(model.config.text_config)
    plain.load_state_dict(
        {
            **{f"model.{name}": one for name, one in model.model.language_model.state_dict().items()},
            "lm_head.weight": model.lm_head.weight,
        }
    )
    expected = plain(inputs_embeds=embeds[:, stays]).logits
    found = model(**prompt, compression=0.5)
    close(found.logits, expected, 1e-5)
    labels = prompt["input_ids"].masked_fill(prompt["input_ids"] == 317, -100)
    loss = model(**prompt, compression=0.5, labels=labels).loss
    shifted = labels[0, stays][1:]
    close(loss, nn.functional.cross_entropy(expected[0, :-1], shifted, ignore_index=-100), 1e-5)


@torch.no_grad()
def test_compressed_left_padded_batch_equals_single(
    model: MiniMonkeyForConditionalGeneration, reference: Any
) -> None:
    prompt, text = reference.prompt(), reference.inputs["text_short.input_ids"][0]
    longer = torch.cat([text[:9], prompt["input_ids"][0]])
    ids, mask = left_padded([prompt["input_ids"][0], longer, text])
    batch = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
        pixel_values=prompt["pixel_values"].repeat(2, 1, 1, 1),
        num_tiles=torch.tensor([11, 11]),
        tile_layers=prompt["tile_layers"].repeat(2),
        compression=0.5,
    ).logits
    assert batch.shape[1] == len(longer) - 12
    images = reference.images("train_order")
    for row, alone in zip(batch, (prompt["input_ids"][0], longer), strict=False):
        single = model(input_ids=alone[None], **images, compression=0.5).logits[0]
        close(row[-len(single) :], single, 1e-4)
    close(batch[2, -len(text) :], model(input_ids=text[None]).logits[0], 1e-4)


def test_loss_reaches_every_part(official: Path, reference: Any) -> None:
    model = MiniMonkeyForConditionalGeneration.from_pretrained(official).train()
    prompt = reference.prompt()
    labels = prompt["input_ids"].masked_fill(prompt["input_ids"] == 317, -100)
    output = model(**prompt, labels=labels)
    expected = nn.functional.cross_entropy(output.logits[0, :-1], labels[0, 1:], ignore_index=-100)
    close(output.loss, expected, 1e-5)
    output.loss.backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in model.parameters())


@torch.no_grad()
def test_pixels_are_cast_to_the_models_type(official: Path, reference: Any) -> None:
    model = MiniMonkeyForConditionalGeneration.from_pretrained(official, dtype=torch.bfloat16)
    output = model(**reference.prompt())
    assert output.logits.dtype == torch.bfloat16
    expected = reference.outputs["train_order.logits_last15"]
    assert (output.logits[:, -15:].argmax(-1) == expected.argmax(-1)).float().mean() > 0.7


def wrong_arguments(reference: Any) -> list[tuple[dict[str, Any], str]]:
    prompt, tiles = reference.prompt(), reference.images("train_order")["pixel_values"]
    no_layers = {key: prompt[key] for key in ("input_ids", "pixel_values", "num_tiles")}
    features = [torch.zeros(44, 64)]
    return [
        ({**prompt, "num_tiles": torch.tensor([10])}, "num_tiles sums up to 10, pixel_values has 11"),
        ({**prompt, "pixel_values": tiles[:5], "num_tiles": None}, r"44 image placeholders.* give 20 tokens"),
        ({**prompt, "image_features": features}, "pixel_values or image_features, not both"),
        (
            {"input_ids": prompt["input_ids"], "inputs_embeds": torch.zeros(1, 3, 64)},
            "exactly one of input_ids",
        ),
        ({"inputs_embeds": torch.zeros(1, 3, 64), "compression": 0.5}, "compression needs input_ids"),
        ({**no_layers, "compression": 0.5}, "compression needs tile_layers"),
        ({**prompt, "compression": 1.0}, "at least 0 and below 1, got 1.0"),
        ({**prompt, "compression": -0.5}, "at least 0 and below 1, got -0.5"),
        ({**prompt, "compression": 0.5, "compression_mode": "best"}, "exact or official, got 'best'"),
        ({**prompt, "compression": 0.5, "tile_layers": torch.zeros(3)}, "3 tile_layers do not fit"),
        (
            {**prompt, "compression": 0.5, "attention_mask": torch.ones(1, 1, 65, 65)},
            r"attention_mask of \(1, 65\)",
        ),
        (
            {
                "input_ids": prompt["input_ids"],
                "image_features": features,
                "tile_layers": torch.zeros(5),
                "compression": 0.5,
            },
            "44 tokens cannot have 5 tiles",
        ),
        (
            {
                "input_ids": prompt["input_ids"].view(5, 13),
                "image_features": features,
                "tile_layers": torch.zeros(11),
                "compression": 0.5,
            },
            "row 0 ends within an image of 44 tokens, after 7 placeholders",
        ),
    ]


@torch.no_grad()
@pytest.mark.parametrize("case", range(13))
def test_wrong_arguments_are_named(
    model: MiniMonkeyForConditionalGeneration, reference: Any, case: int
) -> None:
    arguments, message = wrong_arguments(reference)[case]
    with pytest.raises(UsageError, match=message) as caught:
        model(**arguments)
    assert "\n" not in str(caught.value)


TEXT = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "eos_token_id": 1,
}
FAMILIES = {
    "llama": LlamaConfig(**TEXT),
    "qwen2": Qwen2Config(**TEXT),
    "qwen3": Qwen3Config(**TEXT, head_dim=8),
}


@pytest.fixture(params=FAMILIES)
def native(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A tiny random native InternVL, saved and loaded by its own Auto class."""
    torch.manual_seed(5)
    vision = InternVLVisionConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=56
    )
    config = InternVLConfig(
        vision_config=vision, text_config=FAMILIES[request.param], image_token_id=59, image_seq_length=4
    )
    made = InternVLForConditionalGeneration(config)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(mean=float(parameter.ndim == 1), std=0.3)
    made.save_pretrained(tmp_path)
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert type(loaded) is InternVLForConditionalGeneration
    return loaded


@torch.no_grad()
def test_attached_to_a_native_model(native: Any, tmp_path: Path) -> None:
    torch.manual_seed(6)
    ids = torch.cat([torch.arange(2, 7), torch.full((16,), 59), torch.arange(7, 15)])[None]
    images = {
        "pixel_values": torch.randn(4, 3, 56, 56),
        "num_tiles": torch.tensor([4]),
        "tile_layers": torch.tensor([0, 0, 1, 2]),
    }
    expected = native(input_ids=ids, pixel_values=images["pixel_values"]).logits
    own = native.generate(
        input_ids=ids, pixel_values=images["pixel_values"], max_new_tokens=6, do_sample=False
    )
    before = {name: one.data_ptr() for name, one in native.named_parameters()}

    attached = attach(native)
    assert isinstance(attached, MiniMonkeyForConditionalGeneration)
    assert isinstance(attached.model, MiniMonkeyModel)
    assert {name: one.data_ptr() for name, one in attached.named_parameters()} == before
    assert torch.equal(attached(input_ids=ids, **images).logits, expected)
    assert torch.equal(
        attached.generate(input_ids=ids, **images, max_new_tokens=6, do_sample=False)[:, : own.shape[1]], own
    )
    (kept,) = attached.kept_positions(ids, **images, compression=0.75)
    assert len(kept) == 2
    pruned = attached.generate(input_ids=ids, **images, max_new_tokens=6, do_sample=False, compression=0.75)
    assert torch.equal(pruned[:, : ids.shape[1]], ids)

    # the native model stays what it was
    assert (type(native), type(native.model)) == (InternVLForConditionalGeneration, InternVLModel)
    assert (native.config.model_type, attached.config.model_type) == ("internvl", "minimonkey")
    assert torch.equal(native(input_ids=ids, pixel_values=images["pixel_values"]).logits, expected)

    attached.save_pretrained(tmp_path / "attached")
    again = AutoModelForImageTextToText.from_pretrained(tmp_path / "attached")
    assert type(again) is MiniMonkeyForConditionalGeneration
    assert torch.equal(again(input_ids=ids, **images).logits, expected)


def test_attach_refuses_other_models() -> None:
    with pytest.raises(UsageError, match="got LlamaForCausalLM"):
        attach(LlamaForCausalLM(LlamaConfig(**TEXT)))  # type: ignore[arg-type]
