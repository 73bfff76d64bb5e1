"""The guide's ResourceConsumptionModel: curves of CPU, memory and response time over load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capmon.analysis.guide.line import Line, line
from capmon.analysis.guide.table import over, whole
from capmon.errors import NotEnoughData

CPU_TARGET, MEMORY_TARGET_MB, LEAST_MEMORY_GB = 80, 6144, 8


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A resource in proportion to its load, above a base."""

    slope: float
    """Units of the resource for one of load."""

    intercept: float
    """Units without load."""

    r_squared: float
    """Share of the variance explained."""

    formula: str
    """The line in the guide's words."""

    type: str = "linear"
    """The guide's name for the shape."""


@dataclass(frozen=True, slots=True)
class MemoryModel(LinearModel):
    """Memory over concurrent users, MB."""

    base_memory_mb: float = math.nan
    """The intercept again."""

    memory_per_user_mb: float = math.nan
    """The slope again."""


@dataclass(frozen=True, slots=True)
class ExponentialModel:
    """Response time a·e^(b·rate), ms."""

    a: float
    """Milliseconds without load."""

    b: float
    """Growth for one request per second."""

    r_squared: float
    """Share of the variance of the logarithm explained."""

    formula: str
    """The curve in the guide's words."""

    type: str = "exponential"
    """The guide's name for the shape."""


@dataclass(frozen=True, slots=True)
class Models:
    """The models built so far."""

    cpu: LinearModel | None = None
    """CPU per cent over requests per second."""

    memory: MemoryModel | None = None
    """MB over concurrent users."""

    response_time: ExponentialModel | None = None
    """Milliseconds over requests per second."""


@dataclass(frozen=True, slots=True)
class ScalingRequirements:
    """What the guide would have for a load."""

    cpu_cores: int
    """Cores, as if the models were of one core."""

    memory_gb: int
    """Memory, GB."""


def build_cpu_model(
    request_rates: Sequence[float], cpu_utilizations: Sequence[float]
) -> LinearModel:
    """CPU per cent over requests per second; keeps the guide's line with no error beside it.

    Raises:
        NotEnoughData: No line goes through the points; the guide's code raises ValueError.
    """
    fitted = _fitted(request_rates, cpu_utilizations)
    return LinearModel(
        fitted.slope,
        fitted.intercept,
        fitted.r_squared,
        f"cpu_usage = {fitted.slope:.2f} * request_rate + {fitted.intercept:.2f}",
    )


def build_memory_model(
    concurrent_users: Sequence[float], memory_usage: Sequence[float]
) -> MemoryModel:
    """Memory over concurrent users; keeps the guide's line with no error beside it.

    Raises:
        NotEnoughData: No line goes through the points; the guide's code raises ValueError.
    """
    fitted = _fitted(concurrent_users, memory_usage)
    return MemoryModel(
        fitted.slope,
        fitted.intercept,
        fitted.r_squared,
        f"memory_mb = {fitted.slope:.2f} * concurrent_users + {fitted.intercept:.2f}",
        base_memory_mb=fitted.intercept,
        memory_per_user_mb=fitted.slope,
    )


def build_response_time_model(
    request_rates: Sequence[float], response_times: Sequence[float]
) -> ExponentialModel:
    """Response time over requests per second.

    Keeps the guide's exponential for every service, and its R² of the logarithm.

    Raises:
        NotEnoughData: No curve goes through the points; the guide's code raises ValueError.
    """
    with np.errstate(all="ignore"):
        logarithms = [float(v) for v in np.log(np.asarray(response_times, float))]
    fitted = _fitted(request_rates, logarithms)
    a = _exp(fitted.intercept)
    return ExponentialModel(
        a,
        fitted.slope,
        fitted.r_squared,
        f"response_time = {a:.2f} * e^({fitted.slope:.4f} * request_rate)",
    )


def predict_resources(
    models: Models, target_request_rate: float, target_concurrent_users: float
) -> dict[str, float]:
    """Each model at a load; keeps the guide's CPU beyond 100 % and its extrapolation to any load.

    Returns:
        `cpu_usage` in per cent, `memory_usage_mb` and `response_time_ms`, of the models there are.
    """
    predictions = {}
    if models.cpu is not None:
        predictions["cpu_usage"] = models.cpu.slope * target_request_rate + models.cpu.intercept
    if models.memory is not None:
        predictions["memory_usage_mb"] = (
            models.memory.slope * target_concurrent_users + models.memory.intercept
        )
    if models.response_time is not None:
        growth = _exp(models.response_time.b * target_request_rate)
        predictions["response_time_ms"] = models.response_time.a * growth
    return predictions


def calculate_scaling_requirements(
    models: Models,
    target_request_rate: float,
    target_concurrent_users: float,
    performance_target: float,
) -> ScalingRequirements:
    """What a load asks for.

    Keeps the guide's one core for any CPU up to 80 % of the whole machine, its cores in proportion
    to an exponential, and its memory that falls from 8 to 7 GB just above 6. Its current load is no
    argument here, as what it predicts from that is never used.

    Args:
        models: The models.
        target_request_rate: Requests per second to plan for.
        target_concurrent_users: Users to plan for.
        performance_target: Milliseconds.

    Raises:
        NotEnoughData: The response time is beyond any number; the guide's code raises OverflowError.
    """
    target = predict_resources(models, target_request_rate, target_concurrent_users)
    cpu, memory = target.get("cpu_usage", 0.0), target.get("memory_usage_mb", 0.0)
    cores = whole(np.ceil(cpu / CPU_TARGET)) if cpu > CPU_TARGET else 1
    memory_gb = whole(np.ceil(memory / 1024)) if memory > MEMORY_TARGET_MB else LEAST_MEMORY_GB
    response_time = target.get("response_time_ms", 0.0)
    if response_time > performance_target:
        cores = whole(cores * over(response_time, performance_target))
    return ScalingRequirements(cores, memory_gb)


def _fitted(x: Sequence[float], y: Sequence[float]) -> Line:
    try:
        return line(x, y)
    except ValueError as fault:
        raise NotEnoughData(f"no line through these points: {fault}") from fault


def _exp(x: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.exp(x))
