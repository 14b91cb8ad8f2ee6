"""Several processes that fine-tune one model: what they agree on, and weights spread over them.

How weights are spread a launcher tells by environment variables, which accelerate reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import distributed

from monkeyvl.training.starting import place

T = TypeVar("T")
MARK = "_is_fsdp_managed_module"


def agreed(flag: bool, device: Any) -> bool:
    """Whether any process says yes; all have to ask."""
    if not distributed.is_initialized():
        return flag
    said = torch.tensor(int(flag), device=device)
    distributed.all_reduce(said, distributed.ReduceOp.MAX)
    return bool(said)


def from_all(value: T) -> list[T]:
    """The values of all processes in their order."""
    if not distributed.is_initialized():
        return [value]
    values: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


def spread(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a launcher asks for weights or optimizer states that are spread over the processes.

    Such a model is loaded into memory; accelerate moves each process's part to its device.
    """
    return any(_asked(how, environ) for how in ("FSDP", "DEEPSPEED"))


def _asked(how: str, environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get(f"ACCELERATE_USE_{how}", "false").lower() in ("true", "1")


def allow_spreading_on_cpus(arguments: Any) -> None:
    """Lets accelerate's FSDP and DeepSpeed run without GPUs, which it only leaves out of its list of devices.

    To be called before another Accelerator is made.

    Args:
        arguments: the trainer's.
    """
    from accelerate import Accelerator, PartialState
    from accelerate.utils import (
        DistributedType,
        FullyShardedDataParallelPlugin,
        GradientAccumulationPlugin,
    )

    if not spread():
        return
    # one state for all; the trainer knows the steps that a launcher leaves open ("auto")
    state = Accelerator(cpu=True, gradient_accumulation_plugin=GradientAccumulationPlugin()).state
    if state.distributed_type != DistributedType.MULTI_CPU:
        return
    if _asked("FSDP"):
        state.distributed_type = PartialState().distributed_type = DistributedType.FSDP
        state.fsdp_plugin = FullyShardedDataParallelPlugin()
    else:
        state.distributed_type = PartialState().distributed_type = DistributedType.DEEPSPEED
        state.deepspeed_plugins = arguments.deepspeed_plugin
        arguments.deepspeed_plugin = None  # the Accelerator takes the state's, and no other


def zero3() -> bool:
    """Whether DeepSpeed has spread the weights: each call of a layer is then one of all processes."""
    from accelerate.state import AcceleratorState

    plugin = AcceleratorState().deepspeed_plugin
    return plugin is not None and int(plugin.zero_stage) == 3


def with_whole_weights(trained: Any, work: Callable[[], T]) -> T:
    """Calls `work` while the weights of a model of FSDP2 are whole on every process.

    The model may then be called in any way, by each process as often as it likes. Any other model is left
    as it is. All processes have to call this.
    """
    from torch.distributed.fsdp import FSDPModule, register_fsdp_forward_method

    if not isinstance(trained, FSDPModule):
        return work()
    model: Any = trained
    units = [one for one in model.modules() if isinstance(one, FSDPModule)]
    # What stays whole between forward and backward by itself, as accelerate has set it.
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    layers = [one for one in units if one is not model and one is not head]

    # transformers goes by this mark, and lets each process write on until all have come to an end.
    marked = [one for one in model.modules() if hasattr(one, "generate") and hasattr(one, MARK)]

    def within() -> T:
        for one in marked:
            setattr(one, MARK, False)
        for layer in layers:
            layer.set_reshard_after_forward(False, recurse=False)
        for unit in units:
            unit.unshard()
        try:
            return work()
        finally:
            for one in marked:
                setattr(one, MARK, True)
            for layer in layers:
                layer.set_reshard_after_forward(True, recurse=False)

    # As a method of the outermost unit, so that this stays the outermost one whatever is called first.
    model.within = within
    register_fsdp_forward_method(model, "within")
    try:
        found: T = model.within()
        return found
    finally:
        del model.within
        for unit in units:
            unit.reshard()


def whole_state(trainer: Any) -> dict[str, Any]:
    """All weights of a trained model by name, on the CPU, on the first process; all have to call this."""
    state: dict[str, Any] = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    return state


def own_share(items: Sequence[T]) -> Sequence[T]:
    """Every so manieth item: those of this process."""
    number, count = place()
    return items[number::count]
