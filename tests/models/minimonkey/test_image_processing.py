from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from safetensors.torch import load_file
from transformers.models.auto.image_processing_auto import AutoImageProcessor
from transformers.utils import is_torchvision_available

from monkeyvl.cropping import Cropping
from monkeyvl.errors import BudgetError, CheckpointError, ImageError, UsageError
from monkeyvl.images import open_image
from monkeyvl.models.minimonkey.image_processing import MiniMonkeyImageProcessor

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


@pytest.fixture
def processor():
    return MiniMonkeyImageProcessor(tile_size=56)


@pytest.fixture
def picture():
    values = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    return Image.fromarray(values)


def back_to_bytes(pixels):
    return ((pixels * STD + MEAN) * 255).round().to(torch.uint8)


def test_official_tiles(golden):
    folder = golden("minimonkey")
    stored = load_file(folder / "inputs.safetensors")
    processor = MiniMonkeyImageProcessor.from_pretrained(folder)
    made = processor(images=[Image.open(folder / "i.png")], cropping="demo", return_tensors="pt")
    assert torch.equal(made["pixel_values"][:1], stored["demo_order.pixel_values_tile0"])
    assert torch.equal(made["pixel_values"], (stored["demo_order.tiles_uint8"].float() / 255 - MEAN) / STD)
    assert made["tile_layers"].tolist() == [1] * 4 + [0] * 6 + [2]


def test_paper_order_is_the_official_training_order(golden):
    folder = golden("minimonkey")
    stored = load_file(folder / "inputs.safetensors")["demo_order.tiles_uint8"]
    order = json.loads((folder / "info.json").read_text())["train_order_permutation_of_demo_tiles"]
    processor = MiniMonkeyImageProcessor.from_pretrained(folder)
    made = processor(images=Image.open(folder / "i.png"), return_tensors="pt")
    assert torch.equal(back_to_bytes(made["pixel_values"]), stored[order])
    assert made["tile_layers"].tolist() == [0] * 6 + [1] * 4 + [2]


def test_returns_transformers_batch_of_several_images(processor, picture):
    wide = Image.new("RGB", (400, 90), "red")
    made = processor(images=[picture, wide], return_tensors="pt")
    plans = [processor.plan(image.size) for image in (picture, wide)]
    assert list(made) == processor.model_input_names
    assert made["num_tiles"].tolist() == [plan.num_tiles for plan in plans]
    assert made["pixel_values"].shape == (sum(plan.num_tiles for plan in plans), 3, 56, 56)
    assert (made["pixel_values"].dtype, made["num_tiles"].dtype) == (torch.float32, torch.int64)
    assert made["tile_layers"].dtype == torch.int64
    alone = [processor(images=image, return_tensors="pt") for image in (picture, wide)]
    for name in processor.model_input_names:
        assert torch.equal(made[name], torch.cat([part[name] for part in alone]))


def test_numpy_comes_back_unless_torch_is_asked_for(processor, picture):
    assert isinstance(processor(picture)["pixel_values"], np.ndarray)
    assert isinstance(processor(picture, return_tensors="np")["num_tiles"], np.ndarray)


def test_every_kind_of_pixels_gives_the_same_tiles(processor, picture):
    values = np.array(picture)
    expected = processor(picture)["pixel_values"]
    tensor = torch.from_numpy(values).permute(2, 0, 1)
    same = {
        "channels last": values,
        "channels first": values.transpose(2, 0, 1),
        "tensor": tensor,
        "tensor, channels last": torch.from_numpy(values),
        "fractions": values.astype(np.float64) / 255,
        "float tensor": tensor.float() / 255,
        "integers": values.astype(np.int64),
        "nested": [[picture]],
        "batch": values[None],
        "opaque": picture.convert("RGBA"),
    }
    for name, images in same.items():
        assert np.array_equal(processor(images)["pixel_values"], expected), name


def test_grey_and_masks_become_three_equal_channels(processor):
    grey = np.arange(64 * 80, dtype=np.uint8).reshape(64, 80)
    for images in (grey, grey[None], Image.fromarray(grey), grey > 100):
        pixels = back_to_bytes(torch.from_numpy(processor(images)["pixel_values"]))
        assert torch.equal(pixels[:, 0], pixels[:, 1])
        assert torch.equal(pixels[:, 0], pixels[:, 2])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "YCbCr"])
@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_photos_are_turned_upright_once(processor, picture, mode, orientation):
    stored = picture.convert(mode)
    stored.getexif()[ExifTags.Base.Orientation] = orientation
    turn = {6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}.get(orientation)
    upright = stored.convert("RGB")
    upright = Image.fromarray(np.asarray(upright if turn is None else upright.transpose(turn)))
    expected = processor(upright)["pixel_values"]
    assert np.array_equal(processor(stored)["pixel_values"], expected)
    assert np.array_equal(processor(open_image(stored))["pixel_values"], expected)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_cut_off_file_opened_by_pillow_is_one_line(processor, picture, mode):
    stream = io.BytesIO()
    picture.convert(mode).save(stream, "JPEG")
    half = Image.open(io.BytesIO(stream.getvalue()[: len(stream.getvalue()) // 2]))
    with pytest.raises(ImageError, match="damaged, cut off") as raised:
        processor(half)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16", "F", "1"])
def test_one_pixel_of_any_mode(processor, mode):
    assert processor(Image.new(mode, (1, 1)))["num_tiles"].tolist() == [processor.plan((1, 1)).num_tiles]


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 3)])
def test_tiny_and_extreme_images(processor, size):
    made = processor(Image.new("RGB", size, (10, 200, 30)), return_tensors="pt")
    colour = back_to_bytes(made["pixel_values"])
    assert torch.equal(
        colour, torch.tensor([10, 200, 30], dtype=torch.uint8)[:, None, None].expand_as(colour)
    )
    assert made["num_tiles"].tolist() == [processor.plan(size).num_tiles]


def test_cropping_and_tile_size_can_be_given(picture):
    processor = MiniMonkeyImageProcessor(tile_size=56, cropping=Cropping(detail=(2, 2), adaptive=None))
    assert processor(picture)["tile_layers"].tolist() == [0, 0, 2]
    made = processor(picture, cropping={"detail": [1, 1], "adaptive": None}, tile_size=84)
    assert made["pixel_values"].shape == (1, 3, 84, 84)
    assert (processor.tokens_per_tile, processor.tokens_for(84)) == (4, 9)
    assert MiniMonkeyImageProcessor().tokens_per_tile == 256
    assert processor.get_number_of_image_patches(90, 130) == 3
    assert processor.get_number_of_image_patches(90, 130, {"cropping": "paper"}) > 3


def test_token_budget_counts_this_model_s_tokens(picture):
    processor = MiniMonkeyImageProcessor(tile_size=56, cropping=Cropping(max_tokens=20))
    with pytest.raises(BudgetError, match=r"x 4 tokens = .* above max_tokens=20"):
        processor(picture)


@pytest.mark.parametrize("cropping", ["demo", "vlmevalkit:OCRBench", Cropping(detail=(1, 3), max_tokens=99)])
def test_save_and_load(tmp_path, picture, cropping):
    processor = MiniMonkeyImageProcessor(tile_size=84, cropping=cropping)
    processor.save_pretrained(tmp_path)
    again = MiniMonkeyImageProcessor.from_pretrained(tmp_path)
    assert again.to_dict() == processor.to_dict()
    assert again.plan(picture.size) == processor.plan(picture.size)
    assert MiniMonkeyImageProcessor.from_pretrained(tmp_path, cropping="training").cropping == "training"


def test_official_folder_with_a_foreign_preprocessor_file(golden, tmp_path):
    shutil.copy(golden("minimonkey") / "config.json", tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"feature_extractor_type": "CLIPFeatureExtractor", "size": 448, "image_mean": [0, 0, 0]})
    )
    processor = MiniMonkeyImageProcessor.from_pretrained(tmp_path)
    assert (processor.tile_size, processor.tokens_per_tile) == (56, 4)
    assert processor.image_mean == [0.485, 0.456, 0.406]


def test_native_configuration_gives_the_sizes(tmp_path):
    config = {"vision_config": {"image_size": [448, 448], "patch_size": [14, 14]}, "downsample_ratio": 0.5}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert MiniMonkeyImageProcessor.from_pretrained(tmp_path).tokens_per_tile == 256


def test_folders_without_sizes_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no readable config\.json"):
        MiniMonkeyImageProcessor.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"vision_config": {"image_size": 448}}')
    with pytest.raises(CheckpointError, match=r"no vision_config\.patch_size"):
        MiniMonkeyImageProcessor.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ("photo.png", UsageError, "not str; open files with monkeyvl.images.open_image"),
        (["photo.png"], UsageError, "not str"),
        (b"\x89PNG", UsageError, "not bytes"),
        ([], UsageError, "no images given"),
        (None, UsageError, "no images given"),
        (Image.new("RGB", (0, 5)), ImageError, "0 x 5 pixels, the least side is 1"),
        (np.zeros(7), ImageError, "2 or 3 dimensions, not 1"),
        (np.zeros((7, 8, 9)), ImageError, r"1, 3 or 4 channels .* \(7, 8, 9\)"),
        (np.zeros((0, 8, 3)), ImageError, "no pixels"),
        (np.full((8, 8), 300), ImageError, "values run from 300 to 300"),
        (np.full((8, 8), -0.5), ImageError, r"values run from -0\.5"),
        (np.full((8, 8), np.nan), ImageError, "values run from nan"),
    ],
)
def test_what_is_no_image_is_named(processor, images, error, message):
    with pytest.raises(error, match=message) as raised:
        processor(images)
    assert "\n" not in str(raised.value)


def test_bad_settings_are_named(processor, picture):
    with pytest.raises(UsageError, match="tile size 60 is no multiple of 28"):
        MiniMonkeyImageProcessor(tile_size=60)
    with pytest.raises(UsageError, match="downsample ratio is 0"):
        MiniMonkeyImageProcessor(downsample_ratio=0)
    with pytest.raises(UsageError, match="unknown cropping preset"):
        MiniMonkeyImageProcessor(cropping="best")
    with pytest.raises(UsageError, match="unknown image setting 'do_resize'"):
        processor(picture, do_resize=False)


def test_auto_class_finds_it_without_torchvision_or_warning(tmp_path, caplog, recwarn):
    import monkeyvl.models.minimonkey  # registers

    assert not is_torchvision_available()
    MiniMonkeyImageProcessor(tile_size=56).save_pretrained(tmp_path)
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(processor) is MiniMonkeyImageProcessor
    assert not caplog.records
    # What earlier tests left open may be closed, and told, at any time.
    assert not [one for one in recwarn if one.category is not ResourceWarning]
    assert monkeyvl.models.minimonkey


def test_bytes_are_what_is_normalised() -> None:
    processor = MiniMonkeyImageProcessor(tile_size=28, patch_size=7, cropping={"detail": [2, 2]})
    image = Image.effect_noise((60, 30), 90).convert("RGB")
    raw = processor(images=[image], do_normalize=False)["pixel_values"]
    assert raw.dtype == np.uint8
    mean, std = (np.float32(values)[:, None, None] for values in (processor.image_mean, processor.image_std))
    expected = (raw / np.float32(255) - mean) / std
    np.testing.assert_allclose(processor(images=[image])["pixel_values"], expected, atol=1e-6)
