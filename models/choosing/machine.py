"""What this machine has to run a model on: memory, processors, accelerators.

Everything but the accelerators is read from the operating system; those are asked of torch, and
only where the system shows a GPU, since torch takes seconds to load.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_GPU_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))
"""What the drivers of NVIDIA, AMD and WSL show."""
_FLAG_LINES = {"flags", "Features"}  # on x86 and on ARM
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


@dataclass(frozen=True)
class Accelerator:
    """One GPU: `device` as torch calls it ('cuda:0', 'mps'), memory in bytes."""

    device: str
    name: str
    total: int
    free: int
    bfloat16: bool


@dataclass(frozen=True)
class Machine:
    """Memory in bytes, and processors that this process may use."""

    memory: int
    processors: int
    bfloat16: bool = False
    accelerator: Accelerator | None = None


def probe_machine() -> Machine:
    """The machine with its best accelerator. Loads torch where there may be one."""
    return Machine(_memory(), processors(), has_bfloat16(), _accelerator())


def _memory() -> int:
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = (_number(file) for file in _CGROUP_LIMITS)
    return min([physical, *(limit for limit in limits if limit)])


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself; without it, float32 is the faster one."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    pairs = (line.partition(":") for line in text.splitlines())
    flags = (value for key, _, value in pairs if key.strip() in _FLAG_LINES)
    return bool(_BFLOAT16_FLAGS & set(next(flags, "").split()))


def _accelerator() -> Accelerator | None:
    if sys.platform != "darwin" and not any(path.exists() for path in _GPU_DEVICES):
        return None  # and seconds saved: torch need not be loaded to hear the same
    import torch

    if torch.cuda.is_available():
        best = max(range(torch.cuda.device_count()), key=lambda i: torch.cuda.mem_get_info(i)[0])
        free, total = torch.cuda.mem_get_info(best)
        name = torch.cuda.get_device_name(best)
        return Accelerator(f"cuda:{best}", name, total, free, torch.cuda.is_bf16_supported())
    if torch.backends.mps.is_available():
        # The memory is the machine's own; the driver says how much a GPU should take of it.
        limit = torch.mps.recommended_max_memory()
        free = limit - torch.mps.driver_allocated_memory()
        return Accelerator("mps", "Apple GPU", limit, free, bfloat16=True)
    return None


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # no such group, or "max"
        return None
