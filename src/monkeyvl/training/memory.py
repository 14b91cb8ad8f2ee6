"""How much memory a training needs on each of its processes, from recipe and configuration alone.

Weights, gradients and optimizer states are counted by what the trainer keeps: with "full" weights of float32
that are copied to bfloat16 where they are used, with adapters a model of bfloat16 (of 4 bits with "qlora")
and adapters of float32, and AdamW's two states in the gradients' type. What a pass over the rows needs
besides is counted by `monkeyvl.training.rehearsal`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedConfig

from monkeyvl.catalogue import NF4_BYTES
from monkeyvl.errors import UsageError
from monkeyvl.memory import (
    LINEAR,
    OVERHEAD,
    TEXT_TOKENS,
    TILES,
    config_of,
    count_parts,
    image_tokens,
    layout,
    part_of_memory,
)
from monkeyvl.training.begin import grown
from monkeyvl.training.finetune import SMALL, with_adapters
from monkeyvl.training.finetune_recipe import Finetuning
from monkeyvl.training.parts import chosen_parts
from monkeyvl.training.rehearsal import Pass, Shape, model_of_nothing, rehearse

SHARDS = ("none", "ddp", "zero2", "zero3", "fsdp2")
SHARDED = ("zero2", "zero3", "fsdp2")
ANSWERS = 256  # tokens of a row that are learnt

# DeepSpeed's own settings: numbers of a bucket of gradients, and of gathered weights at the same time.
BUCKET, GATHERED = 500_000_000, 1_000_000_000
_HALF = 2  # bytes of a number in bfloat16

_WEIGHTS, _GRADIENTS, _STATES = "weights", "gradients", "AdamW's states"
_MASTER = "AdamW's states, float32 weights"
_GATHERED, _BUCKET = "gathered at a time", "gradients on their way"
_PASS = "one pass: activations, logits, copies"


@dataclass(frozen=True)
class Plan:
    """How a training is spread.

    Attributes:
        processes: one for each GPU.
        shard: one of `SHARDS`: all on each process; DDP; DeepSpeed's ZeRO-2 and -3; FSDP2.
        offload: what is sharded waits in main memory.

    Raises:
        UsageError: values that do not go together.
    """

    processes: int = 1
    shard: str = "none"
    offload: bool = False

    @property
    def sharded(self) -> bool:
        """Whether processes share gradients and states."""
        return self.shard in SHARDED

    def __post_init__(self) -> None:
        if self.processes < 1:
            raise UsageError(f"--processes {self.processes}: it must be at least 1")
        if self.shard not in SHARDS:
            raise UsageError(f"--shard {self.shard!r}: one of {', '.join(SHARDS)}")
        if self.offload and not self.sharded:
            raise UsageError(f"--offload needs one of --shard {', '.join(SHARDED)}")
        if self.shard == "none" and self.processes > 1:
            raise UsageError(f"--shard none is for one process, not {self.processes}: ddp")


@dataclass(frozen=True)
class TrainingMemory:
    """What each process needs at most.

    Attributes:
        plan: how the training is spread.
        gpu: bytes on the GPU by what they hold.
        host: bytes in main memory.
        one_pass: what the rows need of it, see `Pass`.
        evaluation: bytes on the GPU while held-out rows are answered, where that may be more than a training
            step takes: under FSDP2, which then has the whole model on each. 0 where no rows are held out.
    """

    plan: Plan
    gpu: dict[str, float]
    host: float
    one_pass: Pass
    evaluation: float = 0.0

    @property
    def total(self) -> float:
        """Bytes on the GPU in a training step."""
        return sum(self.gpu.values())

    def fits(self, card: int) -> bool:
        """Whether a GPU of so many GB holds it, with what driver and libraries take."""
        return max(self.total, self.evaluation) + OVERHEAD <= card * 1e9


@dataclass
class Training:
    """A recipe for a model, and what goes through it at once.

    Args:
        config: a MiniMonkeyConfig, MonkeyConfig or TextMonkeyConfig.
        recipe: a settled one.
        shape: of what goes through the model at a time.
    """

    config: PreTrainedConfig
    recipe: Finetuning
    shape: Shape
    _passes: dict[tuple[bool, bool], Pass] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        full = self.recipe.method == "full"
        self._learning = chosen_parts(self.recipe.parts, self.config.model_type)
        self._dtype = torch.float32 if full else torch.bfloat16
        model = self._model(self._dtype)
        learns = [one for one in model.parameters() if one.requires_grad]
        self.weights = sum(one.numel() for one in model.parameters())
        self.weight_bytes = float(sum(one.nbytes for one in model.parameters()))
        if self.recipe.method == "qlora":
            linear = sum(
                one.numel()
                for name, one in model.named_parameters()
                if not one.requires_grad and part_of_memory(name, one) == LINEAR
            )
            self.weight_bytes -= linear * (_HALF - NF4_BYTES)
        self.learning = sum(one.numel() for one in learns)
        self.gradient_bytes = sum(one.nbytes for one in learns)
        # AdamW's two states for each number, and one step count for each tensor.
        self.state_bytes = 2 * self.gradient_bytes + 4 * len(learns)
        self._block, self._ends, self._rest, self._rest_learning = _units(model)

    def memory(self, plan: Plan) -> TrainingMemory:
        """The memory of each process.

        Raises:
            UsageError: a model of 4 bits cannot be spread.
        """
        if self.recipe.method == "qlora" and plan.sharded:
            raise UsageError(f"--shard {plan.shard}: a model of 4 bits is not spread over processes; ddp")
        found = self.one_pass(plan.sharded, self.checkpointing)
        ways = {"zero2": self._zero2, "zero3": self._zero3, "fsdp2": self._fsdp2}
        kept = ways[plan.shard](plan.processes) if plan.shard in ways else self._whole(plan.shard == "ddp")
        host = 0.0
        if plan.offload:
            stays = (_WEIGHTS, _GATHERED, _BUCKET) if plan.shard == "zero2" else (_GATHERED,)
            host = sum(size for name, size in kept.items() if name not in stays)
            kept = {name: size for name, size in kept.items() if name in stays}
        evaluation = 0.0
        if plan.shard == "fsdp2" and self.recipe.hold_out:
            evaluation = self.weights * _HALF + sum(kept.get(name, 0) for name in (_WEIGHTS, _STATES))
        return TrainingMemory(plan, {**kept, _PASS: found.peak}, host, found, evaluation)

    @property
    def checkpointing(self) -> bool:
        """Whether blocks are computed again in the backward pass: on a GPU unless the recipe says no."""
        return self.recipe.gradient_checkpointing is not False

    def one_pass(self, sharded: bool, checkpointing: bool) -> Pass:
        """What one forward and backward pass needs besides weights and gradients."""
        key = (sharded, checkpointing)
        if key not in self._passes:
            # Sharded weights are gathered in bfloat16, others are copied to it by autocast.
            model = self._model(torch.bfloat16 if sharded else self._dtype)
            self._passes[key] = rehearse(model, self.shape, checkpointing, reduced=sharded)
        return self._passes[key]

    def _model(self, dtype: torch.dtype) -> Any:
        def adapted(model: Any, layers: list[str]) -> Any:
            return with_adapters(model, self.recipe, layers, Path(self.recipe.model))

        return model_of_nothing(self.config, self.recipe.method, self._learning, dtype, adapted)

    def _whole(self, ddp: bool) -> dict[str, float]:
        kept = {_WEIGHTS: self.weight_bytes, _GRADIENTS: self.gradient_bytes, _STATES: self.state_bytes}
        return {**kept, _BUCKET: self.gradient_bytes} if ddp else kept

    def _zero2(self, processes: int) -> dict[str, float]:
        return {
            _WEIGHTS: self.weights * _HALF if self.recipe.method == "full" else self.weight_bytes,
            _GRADIENTS: self.learning * _HALF / processes,
            _MASTER: self.learning * 12 / processes,
            _BUCKET: min(self.learning, BUCKET) * _HALF,
        }

    def _zero3(self, processes: int) -> dict[str, float]:
        return {
            _WEIGHTS: self.weights * _HALF / processes,
            _GRADIENTS: self.learning * _HALF / processes,
            _MASTER: self.learning * 12 / processes,
            _GATHERED: min(self.weights, GATHERED) * _HALF,
        }

    def _fsdp2(self, processes: int) -> dict[str, float]:
        # The word head or the embeddings with a buffer for their gradients, a block, the next one or the
        # gradients of this, and what belongs to no unit.
        ends = self._ends * (2 if self.recipe.method == "full" else 1)
        gathered = ends + 2 * self._block + self._rest + self._rest_learning
        return {
            _WEIGHTS: self.weight_bytes / processes,
            _GRADIENTS: self.gradient_bytes / processes,
            _STATES: self.state_bytes / processes,
            _GATHERED: gathered * _HALF,
        }


def _units(model: Any) -> tuple[int, int, int, int]:
    """Weights of what accelerate makes FSDP2 gather as one: of the largest block, of the larger of embeddings
    and word head, and of what is in none of these and of this what learns."""

    def size(module: Any) -> int:
        return sum(one.numel() for one in module.parameters())

    names = set(model._no_split_modules or ())
    blocks = [module for module in model.modules() if type(module).__name__ in names]
    ends = [model.get_input_embeddings(), model.get_output_embeddings()]
    inside = {id(one) for module in (*blocks, *ends) for one in module.parameters()}
    rest = [one for one in model.parameters() if id(one) not in inside]
    learning = sum(one.numel() for one in rest if one.requires_grad)
    return max(map(size, blocks)), max(map(size, ends)), sum(one.numel() for one in rest), learning


def begun_config(recipe: Finetuning) -> PreTrainedConfig:
    """The configuration of the model that a recipe trains, also of a published one that is not here.

    Raises:
        UsageError, CheckpointError: see `monkeyvl.memory.config_of` and `monkeyvl.training.begin`.
    """
    config = config_of(recipe.model)
    if recipe.start_as in ("", config.model_type) and not recipe.start_settings:
        return config
    if config.model_type != "monkey":
        raise UsageError(f"start_as {recipe.start_as} begins with a Monkey; {recipe.model} is another model")
    without = {"lora_repeat_num": 0} if recipe.model == "qwen-vl" else {}
    return grown(config, {**without, **recipe.start_settings})


def settled(recipe: Finetuning, config: PreTrainedConfig) -> Finetuning:
    """The recipe with its method chosen as `monkeyvl finetune` does, by the size of the model."""
    return recipe.settled(small=sum(count_parts(config).values()) < SMALL)


def others(training: Training, plan: Plan) -> list[TrainingMemory]:
    """The same training on as many processes, spread in every other way that there is, offloading last."""
    ways = ("ddp",) if training.recipe.method == "qlora" else SHARDS[1:]
    plans = [Plan(plan.processes, shard) for shard in ways]
    plans += [Plan(plan.processes, shard, offload=True) for shard in ways if shard in SHARDED]
    return [training.memory(one) for one in plans if one != plan]


def shape_of(
    config: PreTrainedConfig,
    recipe: Finetuning,
    processes: int = 1,
    tokens: int | None = None,
    answers: int = ANSWERS,
) -> Shape:
    """What goes through the model at once: large images with a question and an answer each, unless the recipe
    allows less.

    Args:
        config, recipe: see `Training`.
        processes: that share the rows of a step.
        tokens: of a row, its image's among them.
        answers: of these, how many are learnt.

    Raises:
        UsageError: no token is left for an image, or numbers below 1.
    """
    image = image_tokens(config)
    limit = recipe.pack or recipe.longest or config.get_text_config().max_position_embeddings
    length = min(limit, image + TEXT_TOKENS) if tokens is None else tokens
    for name, value in (("--tokens", length), ("--answers", answers)):
        if value < 1:
            raise UsageError(f"{name} is {value}; it must be at least 1")
    rows = 1 if recipe.pack else recipe.rows_at_once or max(1, recipe.batch_size // processes)
    if config.model_type != "minimonkey":
        if length <= max(image, answers):
            raise UsageError(f"{length} tokens do not hold an image of {image} and {answers} of an answer")
        return Shape(rows, length, answers, windows=layout(config.vision_config))
    tiles = min(TILES, (length - answers) // config.image_seq_length)
    if tiles < 1:
        raise UsageError(
            f"{length} tokens do not hold a tile of {config.image_seq_length} and {answers} of an answer"
        )
    return Shape(rows, length, answers, tiles)
