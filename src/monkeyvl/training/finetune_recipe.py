"""What a fine-tuning consists of: a checkpoint, the parts that learn, rates; from YAML or options."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from monkeyvl.errors import UsageError
from monkeyvl.training.recipe import build_typed, read_yaml, refuse_idle

METHODS = ("lora", "full", "qlora")
STARTS = ("", "textmonkey")
# Rates that work for most; the embedded checkpoint is small and learns faster.
RATES = {"lora": 2e-4, "qlora": 2e-4, "full": 1e-5}
SMALL_RATES = {"lora": 2e-3, "full": 3e-4}


@dataclass(frozen=True)
class Finetuning:
    """A run over rows. A setting that would do nothing because of another one is refused.

    Attributes:
        name: of the recipe.
        model: a checkpoint's name or folder.
        start_as: "textmonkey" where `model` is a Monkey or Qwen-VL that becomes one; `start_settings` are
            fields of its vision configuration that are not to be as published (`monkeyvl.training.begin`).
        mixture: the mixture file that its rows come from, relative to the recipe; `monkeyvl data build`
            makes the folder that the run is given.
        method: "full" changes weights; "lora" adds adapters of `rank` to the linear layers; "qlora" does so
            on a language model of 4 bits. Empty: full for the embedded checkpoint, else lora.
        parts: which parts learn, presets among them (`monkeyvl.training.parts`); none: all of the model with
            "full", its language model with adapters.
        rank, alpha, dropout: of the adapters.
        learning_rate: the highest; 0 takes the method's usual one. It rises for `warmup_steps`, then falls
            along a cosine to `min_lr_rate` of itself.
        beta1, beta2, weight_decay, max_grad_norm: of AdamW.
        batch_size: rows of a step on all processes together; `rows_at_once` of them go through the model at a
            time on each (0: all that a process has).
        pack: if not 0, rows are put one behind the other in sequences of at most so many tokens, each as if
            it were alone; the `rows_at_once` are those that are packed together.
        epochs: passes over the rows; `steps`, if not 0, instead of it.
        hold_out: share of the rows that is evaluated on and not trained on; 0 for none.
        evaluated: most rows of an evaluation.
        eval_steps, save_steps: 0 for ten times a run.
        longest: most tokens of a row; 0 for the model's context.
        gradient_checkpointing: compute more, keep less; null: on a GPU, where memory is worth more than time.
        compile: run vision tower and language model through torch.compile.
        jpeg: lowest and highest quality by which images are saved as JPEG again before they are cut; none for
            images as they are. `jpeg_share` of the rows, others in every epoch.
        tensorboard: write event files into the run's folder besides.
        workers: processes that read rows and cut images.
        skip_bad: whether rows that cannot be trained on are passed over; else the first ends the run.
        seed: of everything.
    """

    name: str = "finetune"
    model: str = "embedded"
    start_as: str = ""
    start_settings: dict[str, Any] = field(default_factory=dict)
    mixture: str = ""
    method: str = ""
    parts: tuple[str, ...] = ()
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    learning_rate: float = 0.0
    warmup_steps: int = 10
    min_lr_rate: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    batch_size: int = 8
    rows_at_once: int = 0
    pack: int = 0
    epochs: float = 1.0
    steps: int = 0
    hold_out: float = 0.1
    evaluated: int = 200
    eval_steps: int = 0
    save_steps: int = 0
    longest: int = 0
    gradient_checkpointing: bool | None = None
    compile: bool = False
    jpeg: tuple[int, ...] = ()
    jpeg_share: float = 0.5
    tensorboard: bool = False
    workers: int = 0
    skip_bad: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if self.method and self.method not in METHODS:
            raise UsageError(f"method {self.method!r}: one of {', '.join(METHODS)}")
        if self.start_as not in STARTS:
            raise UsageError(f"start_as {self.start_as!r}: {STARTS[1]} is known")
        if self.start_as and self.method not in ("", "full"):
            raise UsageError(f"start_as {self.start_as} needs method full: an adapter has no new parts")
        if self.start_settings and not self.start_as:
            raise UsageError("start_settings belong to start_as")
        for name in ("rank", "batch_size", "evaluated"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least 1")
        not_negative = ("rows_at_once", "pack", "steps", "eval_steps", "save_steps", "longest", "workers")
        rates = ("learning_rate", "warmup_steps", "min_lr_rate", "weight_decay", "max_grad_norm", "seed")
        for name in (*not_negative, *rates):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least 0")
        for name in ("hold_out", "dropout", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name):g}; it must be at least 0 and below 1")
        if self.seed >= 2**32:
            raise UsageError(f"seed is {self.seed}; it must be below 2**32")
        if self.jpeg and (len(self.jpeg) != 2 or not 1 <= self.jpeg[0] <= self.jpeg[1] <= 100):
            raise UsageError(f"jpeg is {list(self.jpeg)}; it must be two qualities of 1 to 100, lowest first")
        if not 0 <= self.jpeg_share <= 1:
            raise UsageError(f"jpeg_share is {self.jpeg_share:g}; it must be 0 to 1")
        if self.epochs <= 0:
            raise UsageError(f"epochs is {self.epochs:g}; it must be above 0")
        idle: dict[str, object] = dict.fromkeys(
            ("rank", "alpha", "dropout"), self.method == "full" and "method full has no adapters"
        )
        idle["epochs"] = self.steps and f"steps is {self.steps}"
        idle["jpeg"] = not self.jpeg_share and "jpeg_share is 0"
        idle["jpeg_share"] = not self.jpeg and "there is no jpeg"
        idle["longest"] = 0 < self.pack < self.longest and f"no row is longer than pack, {self.pack}"
        refuse_idle(self, idle)

    def settled(self, small: bool) -> Finetuning:
        """With the method and the rate chosen, for a small checkpoint or a usual one."""
        method = self.method or ("full" if small or self.start_as else "lora")
        rates = SMALL_RATES if small else RATES
        rate = self.learning_rate or rates.get(method, RATES[method])
        parts = self.parts or (() if method == "full" else ("text",))
        return Finetuning(**{**asdict(self), "method": method, "learning_rate": rate, "parts": tuple(parts)})


def load_finetuning(file: Path | None, overrides: dict[str, Any] | None = None) -> Finetuning:
    """The recipe in a YAML file, or the usual one; `overrides` replaces values by their names.

    Of steps and epochs one in `overrides` replaces the file's other one, too.

    Raises:
        UsageError: no such file, no YAML, an unknown field, or a value that cannot be.
    """
    values = read_yaml(file) if file else {}
    if not isinstance(values, dict):
        raise UsageError(f"recipe {file}: it must be a mapping")
    if "stages" in values:
        raise UsageError(f"recipe {file} has stages: it is one for `monkeyvl train`")
    given = overrides or {}
    for name, instead in (("steps", "epochs"), ("epochs", "steps")):
        if given.get(name):
            values.pop(instead, None)
    recipe: Finetuning = build_typed(Finetuning, {**values, **given}, "recipe")
    return recipe
