"""Fine-tuning by two processes under DeepSpeed: as by one, packed too, and resumed after one was killed."""

from __future__ import annotations

import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pairs import alone, apart, assert_close, by_two, curve, environment, settings
from toys import small_monkey

pytestmark = pytest.mark.skipif(find_spec("deepspeed") is None, reason="needs deepspeed")
WHOLE, ADAPTER = "checkpoint/model.safetensors", "adapter/adapter_model.safetensors"


@pytest.mark.parametrize("name", ["deepspeed-zero2", "deepspeed-zero3"])
def test_deepspeed_does_as_one_process_packs_and_resumes(name: str, place: Path) -> None:
    others: dict[str, dict[str, Any]] = {"plain": {}, "packed": {"pack": 128}, "lora": {"method": "lora"}}
    for kind in ("monkey", "textmonkey"):
        base = small_monkey(place / f"{name}-base-{kind}", kind)
        others[kind] = {"model": str(base), "hold_out": 0.0}
    spread = {"environment": {**environment(name), "DS_ACCELERATOR": "cpu"}}
    runs = {f"{name}-{one}": {**spread, "settings": settings(place, **more)} for one, more in others.items()}
    killed, asked = f"{name}-killed", f"{name}-asked"
    codes = by_two(
        place,
        *runs.items(),
        (killed, {**spread, "signal": (3, signal.SIGKILL)}),
        (killed, {**spread, "resume": True}),
        (asked, {**spread, "signal": (2, signal.SIGTERM)}),
        (asked, {**spread, "resume": True}),
    )
    ended = [[1, -signal.SIGKILL], [0, 0], [1, 1], [0, 0]]
    assert codes == [[0, 0]] * 5 + ended, (place / "said.txt").read_text()
    for run in (*runs, killed, asked):
        shares = (place / run / "checkpoint-4" / "global_step4").glob("*zero_pp_rank_1_*_optim_states.pt")
        assert len(list(shares)) == 1, "the optimizer's states were spread"

    for one, more in others.items():
        result = alone(place, f"{name}-{one}-alone", **more).parent
        assert_close(curve(place / f"{name}-{one}"), curve(result))
        base = Path(settings(place, **more)["model"]) / "model.safetensors"
        file = ADAPTER if one == "lora" else WHOLE
        # TextMonkey's attention across windows starts at zero, where Adam makes steps of rounding
        most = 0.02 if one == "textmonkey" else 1e-3
        assert apart(base, result / file, place / f"{name}-{one}" / file) < most, one
    base = place / "tiny" / "model.safetensors"
    for again in (killed, asked):
        assert apart(base, place / f"{name}-plain" / WHOLE, place / again / WHOLE) == 0
