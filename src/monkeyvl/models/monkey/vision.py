"""Monkey's vision tower: a ViT over windows, an adapter for each of them, a resampler and a global view.

Section 3.1 of the Monkey paper. The canvas is cut into windows that go through the ViT as one batch; each has
low-rank adapters of its own. What surprises is kept for the published weights' sake: query, key and value of
the attention lie interleaved head by head, and the MLP's adapter reads the states before their layer norm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPooling

from monkeyvl.errors import UsageError
from monkeyvl.models.monkey.configuration import MonkeyVisionConfig
from monkeyvl.models.monkey.resampler import ImageResampler, resize_grid, sincos_table

__all__ = ["Layout", "MonkeyVisionBlock", "MonkeyVisionModel", "join"]

POSITIONS = 256  # of the saved table, a grid of 16 x 16 that is interpolated to the patches of a window


class Layout(NamedTuple):
    """How the windows of a batch of equally large images lie."""

    images: int
    rows: int
    columns: int

    @property
    def windows(self) -> int:
        """Windows of the whole batch. States of theirs come first: image by image, each in raster order."""
        return self.images * self.rows * self.columns


class _Factor(nn.Module):
    """One factor of a low-rank product; no `nn.Linear`, so that quantisation leaves it as it is."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))

    def forward(self) -> Tensor:
        # Read by calling the module, as weights that are offloaded come only then.
        return self.weight


class WindowAdapter(nn.Module):
    """Adds `lora_scale * lora_b(lora_a(x))` to a linear layer: LoRA without the factor alpha / r."""

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        self.lora_a = _Factor(inputs, rank)
        self.lora_b = _Factor(rank, outputs)
        self.lora_scale = nn.Parameter(torch.empty(1))

    def forward(self) -> tuple[Tensor, Tensor, Tensor]:
        """Both factors, (rank, inputs) and (outputs, rank), and the scale (1,)."""
        return self.lora_a(), self.lora_b(), self.lora_scale

    @torch.no_grad()
    def start(self) -> None:
        """Sets what is not loaded to the values at which training starts: it changes nothing yet."""
        init.kaiming_uniform_(self.lora_a.weight, a=math.sqrt(5))
        init.zeros_(self.lora_b.weight)
        init.ones_(self.lora_scale)


def join(local: Tensor, overview: Tensor | None) -> Tensor:
    """What the language model sees of an image: (images, tokens, output_dim) of its windows, then of the
    global view if there is one."""
    return local if overview is None else torch.cat([local, overview.to(local.device)], dim=1)


def _adapters(count: int, inputs: int, outputs: int, rank: int) -> nn.ModuleList:
    return nn.ModuleList(WindowAdapter(inputs, outputs, rank) for _ in range(count))


def _adapt(output: Tensor, x: Tensor, adapters: Any, chosen: Sequence[int]) -> Tensor:
    """Adds to `output` (N, T, out) what the chosen adapters make of the first windows of `x` (N, T, in)."""
    if not chosen:
        return output
    parts = zip(*(adapters[number]() for number in chosen), strict=True)
    down, up, scale = (torch.stack(part) for part in parts)  # (n, r, in), (n, out, r), (n, 1)
    change = scale[:, :, None] * (x[: len(chosen)] @ down.mT @ up.mT)  # (n, T, out)
    if torch.is_grad_enabled():
        # Without a window they learn nothing, but have gradients: processes that train together must have the
        # same ones.
        for adapter in adapters[max(chosen) + 1 :]:
            change = change + 0 * sum(part.sum() for part in adapter())
    return torch.cat([output[: len(chosen)] + change, output[len(chosen) :]])


class MonkeyVisionAttention(nn.Module):
    """Self-attention within a window."""

    def __init__(self, config: MonkeyVisionConfig) -> None:
        super().__init__()
        self.heads, width = config.heads, config.width
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        self.in_proj_lora = _adapters(config.lora_repeat_num, width, 3 * width, config.lora_rank)
        self.out_proj_lora = _adapters(config.lora_repeat_num, width, width, config.lora_rank)

    def forward(self, x: Tensor, chosen: Sequence[int]) -> Tensor:
        """(N, T, width) -> (N, T, width); the first windows have the adapters of the numbers `chosen`."""
        qkv = _adapt(self.in_proj(x), x, self.in_proj_lora, chosen)
        # (N, T, heads * 3 * D) -> (N, heads, T, 3 * D): each head has its query, key and value together
        query, key, value = qkv.unflatten(-1, (self.heads, -1)).transpose(1, 2).chunk(3, dim=-1)
        mixed = F.scaled_dot_product_attention(query, key, value)
        mixed = mixed.transpose(1, 2).flatten(2)  # (N, T, width)
        return _adapt(self.out_proj(mixed), mixed, self.out_proj_lora, chosen)


class MonkeyVisionMLP(nn.Module):
    """Two linear layers with the exact GELU between them."""

    def __init__(self, config: MonkeyVisionConfig) -> None:
        super().__init__()
        inner = int(config.width * config.mlp_ratio)
        self.c_fc = nn.Linear(config.width, inner)
        self.gelu = nn.GELU()
        self.c_proj = nn.Linear(inner, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        return self.c_proj(self.gelu(self.c_fc(x)))


class MonkeyVisionBlock(GradientCheckpointingLayer):
    """One block of the ViT."""

    def __init__(self, config: MonkeyVisionConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.width, config.layer_norm_eps)
        self.attn = MonkeyVisionAttention(config)
        self.ln_2 = nn.LayerNorm(config.width, config.layer_norm_eps)
        self.mlp = MonkeyVisionMLP(config)
        self.mlp_lora = _adapters(config.lora_repeat_num, config.width, config.width, config.lora_mlp_rank)

    def forward(self, states: Tensor, chosen: Sequence[int]) -> Tensor:
        """States (N, T, width) of N windows, of which the first have the adapters of the numbers `chosen`."""
        states = states + self.attn(self.ln_1(states), chosen)
        # The adapter reads the states as they are, unlike the MLP beside it.
        return states + _adapt(self.mlp(self.ln_2(states)), states, self.mlp_lora, chosen)


class MonkeyVisionModel(PreTrainedModel):
    """Vision tower: canvases to visual tokens.

    A subclass may override `before_block` to let windows see each other.
    """

    config_class = MonkeyVisionConfig
    config: MonkeyVisionConfig
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    supports_gradient_checkpointing = True
    _no_split_modules = ["MonkeyVisionBlock", "ImageResampler"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_flash_attn = True  # by torch's own kernel

    def __init__(self, config: MonkeyVisionConfig) -> None:
        super().__init__(config)
        eps = config.layer_norm_eps
        self.conv1 = nn.Conv2d(3, config.width, config.patch_size, config.patch_size, bias=False)
        self.positional_embedding = nn.Parameter(torch.empty(POSITIONS, config.width))
        self.ln_pre = nn.LayerNorm(config.width, eps)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(MonkeyVisionBlock(config) for _ in range(config.layers))
        heads = config.output_dim // config.pool_head_dim
        self.attn_pool = ImageResampler(config.num_queries, config.output_dim, heads, config.width, eps)
        self.ln_post = nn.LayerNorm(config.output_dim, eps)
        self.proj = nn.Parameter(torch.empty(config.output_dim, config.output_dim))
        self.post_init()

    @property
    def blocks(self) -> Any:
        """The transformer's blocks in order."""
        return self.transformer.resblocks

    def layout(self, pixel_values: Tensor) -> Layout:
        """How (images, 3, rows * S, columns * S) pixels divide into windows of S.

        Raises:
            UsageError: sides that are no multiples of a window's, or more windows than adapters.
        """
        side, adapters = self.config.window_size, self.config.lora_repeat_num
        if pixel_values.ndim != 4 or pixel_values.shape[1] != 3:
            raise UsageError(f"pixel_values are (images, 3, height, width), not {tuple(pixel_values.shape)}")
        images, _, height, width = pixel_values.shape
        if not height or not width or height % side or width % side:
            raise UsageError(f"an image of {width} x {height} pixels is no grid of windows of {side}")
        layout = Layout(images, height // side, width // side)
        if 1 < adapters < layout.rows * layout.columns:
            raise UsageError(
                f"{layout.rows} x {layout.columns} windows need {layout.rows * layout.columns} adapters, "
                f"the model has {adapters} (lora_repeat_num)"
            )
        return layout

    def adapters(self, layout: Layout) -> tuple[int, ...]:
        """The number of each window's adapter, for the windows of the whole batch; () if there are none."""
        count, per_image = self.config.lora_repeat_num, layout.rows * layout.columns
        if not count:
            return ()
        return (tuple(range(per_image)) if count > 1 else (0,) * per_image) * layout.images

    def global_view(self, pixel_values: Tensor) -> Tensor:
        """Each canvas at the size of one window, (images, 3, S, S) float32.

        It is interpolated from the normalised canvas, bicubic and without antialiasing, as the published
        weights were trained, not resized from the image a second time.
        """
        size = (self.config.window_size, self.config.window_size)
        return F.interpolate(pixel_values.float(), size=size, mode="bicubic", align_corners=False)

    def embed_windows(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) windows -> (N, patches, width) normalised embeddings with positions."""
        states = self.conv1(pixels.to(self.conv1.weight.dtype)).flatten(2).mT  # (N, patches, width)
        side = self.config.window_size // self.config.patch_size
        return self.ln_pre(states + resize_grid(self.positional_embedding, side))

    def before_block(self, number: int, states: Tensor, layout: Layout) -> Tensor:
        """What a subclass does to the (N, patches, width) states before block `number`; the first
        `layout.windows` of them are windows, the others global views."""
        return states

    def run_blocks(self, states: Tensor, chosen: Sequence[int], layout: Layout) -> Tensor:
        """(N, patches, width) states through all blocks; the first have the adapters of the numbers
        `chosen`."""
        for number, block in enumerate(self.blocks):
            states = block(self.before_block(number, states, layout), chosen)
        return states

    def pool(self, states: Tensor) -> Tensor:
        """(N, patches, width) states -> (N, num_queries, output_dim) visual tokens."""
        return self.ln_post(self.attn_pool(states)) @ self.proj

    def encode(self, pixel_values: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """States and visual tokens of canvases as in `forward`, the global view's tokens apart.

        Returns:
            states (windows of all images, then global views, patches, width), the tokens (images, tokens,
            output_dim) of all windows in raster order, and those of the global views, None without them.

        Raises:
            UsageError: see `layout`.
        """
        layout, side = self.layout(pixel_values), self.config.window_size
        cut = pixel_values.unflatten(2, (layout.rows, side)).unflatten(4, (layout.columns, side))
        # (images, 3, rows, S, columns, S) -> (images * rows * columns, 3, S, S)
        pixels = cut.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
        if self.config.use_global:
            pixels = torch.cat([pixels, self.global_view(pixel_values).to(pixels.dtype)])
        states = self.run_blocks(self.embed_windows(pixels), self.adapters(layout), layout)
        tokens = self.pool(states)
        local = tokens[: layout.windows].unflatten(0, (layout.images, -1)).flatten(1, 2)
        return states, local, tokens[layout.windows :] if self.config.use_global else None

    def forward(self, pixel_values: Tensor, **kwargs: Any) -> BaseModelOutputWithPooling:
        """Visual tokens of canvases.

        Args:
            pixel_values: (images, 3, rows * S, columns * S) normalised canvases, S the side of a window.

        Returns:
            last_hidden_state (windows of all images, then global views, patches, width), and pooler_output
            (images, tokens, output_dim): the windows' tokens in raster order, then the global view's.

        Raises:
            UsageError: see `layout`.
        """
        states, local, overview = self.encode(pixel_values)
        return BaseModelOutputWithPooling(last_hidden_state=states, pooler_output=join(local, overview))

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        std = self.config.initializer_range
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            init.trunc_normal_(module.weight, std=std)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, WindowAdapter):
            module.start()
        elif isinstance(module, ImageResampler):
            dim = module.query.shape[1]
            init.copy_(module.pos_embed, sincos_table(dim, round(len(module.query) ** 0.5)))
            init.trunc_normal_(module.query, std=std)
            init.trunc_normal_(module.attn.in_proj_weight, std=std)
            init.zeros_(module.attn.in_proj_bias)
        elif isinstance(module, MonkeyVisionModel):
            init.normal_(module.positional_embedding, std=self.config.width**-0.5)
            init.normal_(module.proj, std=self.config.output_dim**-0.5)
