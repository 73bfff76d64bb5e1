"""The settings of scaling: what is scaled, how far, by which policy, and at what price."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from capmon.config.quantities import Duration, Natural, Positive, Ratio, Size


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """What is scaled."""

    kind: Literal["none", "swarm", "kubernetes", "systemd", "command", "http"] = "none"
    """none, a Docker Swarm service, a Kubernetes workload, a systemd template unit, any command, or an HTTP endpoint."""

    service: str = ""
    """swarm: name of the service."""

    name: str = ""
    """kubernetes: the workload, such as deployment/web."""

    namespace: str = ""
    """kubernetes: its namespace; empty for the context's own."""

    context: str = ""
    """kubernetes: the context; empty for the current one."""

    unit: str = ""
    """systemd: the template unit, such as web@.service; replicas are its instances 1, 2, 3 and so on."""

    user: bool = False
    """systemd: whether the units are those of this user's own manager."""

    read: tuple[str, ...] = ()
    """command: program and arguments that print the count, as N or READY/DESIRED."""

    write: tuple[str, ...] = ()
    """command: program and arguments that set it; {replicas} stands for the count."""

    url: str = ""
    """http: endpoint that answers GET with the counts and PUT with {"replicas": N}."""

    interval: Duration = Duration(5.0)
    """Pace at which the count is read back."""

    timeout: Duration = Duration(20.0)
    """How long the command that sets the count may take."""


@dataclass(frozen=True, slots=True)
class CooldownSettings:
    """How long persons and the policy `step` wait after an action.

    The policies `hpa` and `predictive` pace themselves, by stabilization windows and rates.
    """

    up: Duration = Duration(300.0)
    """After any action, before one that adds replicas."""

    down: Duration = Duration(600.0)
    """After any action, before one that takes replicas away."""


@dataclass(frozen=True, slots=True)
class CouplingSettings:
    """Something that all replicas share and that runs out."""

    name: str
    """What it is: database connections."""

    per_replica: float
    """How much one replica takes."""

    total: float
    """How much there is."""


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """What an autoscaler may spend before it stops and asks for a person."""

    turns: Natural = 6
    """Changes of direction in an hour, up after down or down after up; 0 sets no limit."""

    per_hour: float = 0.0
    """Cost of all replicas in an hour, in the currency of the price; 0 sets no limit."""


@dataclass(frozen=True, slots=True)
class RateSettings:
    """How much may change within a period."""

    kind: Literal["percent", "pods"]
    """Whether the amount is a percentage of the replicas at the period's start, or a count."""

    amount: Positive
    """How many percent, or how many replicas."""

    per: Duration
    """The period."""


@dataclass(frozen=True, slots=True)
class BehaviorSettings:
    """How fast the HPA policy may follow in one direction."""

    stabilization: Duration
    """How long the most cautious of the recommendations counts."""

    rates: tuple[RateSettings, ...]
    """How much may change within a period; empty sets no limit."""

    select: Literal["max", "min", "disabled"] = "max"
    """Which of several rates counts; disabled forbids this direction."""

    tolerance: Ratio = Ratio(0.1)
    """How far utilization may be from its target before the count changes, as a share of it."""


def _up() -> BehaviorSettings:
    rates = (
        RateSettings("percent", 100, Duration(15.0)),
        RateSettings("pods", 4, Duration(15.0)),
    )
    return BehaviorSettings(Duration(0.0), rates)


def _down() -> BehaviorSettings:
    return BehaviorSettings(Duration(300.0), (RateSettings("percent", 100, Duration(15.0)),))


@dataclass(frozen=True, slots=True)
class HpaSettings:
    """Kubernetes' own algorithm, with its defaults."""

    cpu: Ratio | None = Ratio(0.7)
    """Busy share of a replica's CPU that is aimed at; none leaves it out."""

    memory: Ratio | None = None
    """Used share of a replica's memory that is aimed at; none leaves it out."""

    rate: float | None = None
    """Requests per second of one replica that are aimed at; none leaves it out."""

    up: BehaviorSettings = field(default_factory=_up)
    """How fast it may add."""

    down: BehaviorSettings = field(default_factory=_down)
    """How fast it may take away."""


@dataclass(frozen=True, slots=True)
class LevelSettings:
    """Levels of utilization and response time at which something is done."""

    cpu: Ratio
    """Busy share of the CPU."""

    memory: Ratio
    """Used share of the memory."""

    latency_p95: Duration
    """95th percentile of the response time."""

    for_: Duration = Duration(0.0)
    """How long it must hold."""


@dataclass(frozen=True, slots=True)
class StepSettings:
    """One replica more above any of the upper levels, one less below all of the lower ones."""

    up: LevelSettings = field(
        default_factory=lambda: LevelSettings(Ratio(0.7), Ratio(0.8), Duration(0.25))
    )
    """Above any of these one more."""

    down: LevelSettings = field(
        default_factory=lambda: LevelSettings(Ratio(0.4), Ratio(0.5), Duration(0.15))
    )
    """Below all of these one less."""


@dataclass(frozen=True, slots=True)
class VerticalSettings:
    """When another tier is due."""

    up: LevelSettings = field(
        default_factory=lambda: LevelSettings(
            Ratio(0.8), Ratio(0.85), Duration(0.3), Duration(900.0)
        )
    )
    """Above any of these for so long a larger one."""

    down: LevelSettings = field(
        default_factory=lambda: LevelSettings(
            Ratio(0.4), Ratio(0.5), Duration(0.1), Duration(1800.0)
        )
    )
    """Below all of these for so long a smaller one."""

    tier: str = ""
    """Name of the tier that runs now; empty finds it by the cores and memory of a replica."""


@dataclass(frozen=True, slots=True)
class TierSettings:
    """A size that a replica can have."""

    name: str
    """Name, such as tier_2."""

    cores: float
    """Cores."""

    memory: Size
    """Memory."""

    max_rps: float | None = None
    """Requests per second that it is said to carry."""

    max_users: float | None = None
    """Concurrent users that it is said to carry."""

    price_per_hour: float | None = None
    """Price of one hour."""


@dataclass(frozen=True, slots=True)
class ScalingSettings:
    """What may be scaled, and how far."""

    mode: Literal["dry-run", "act"] = "dry-run"
    """dry-run shows and logs what would run; act runs it."""

    target: TargetSettings = field(default_factory=TargetSettings)
    """What is scaled."""

    min: Positive = 2
    """Least replicas."""

    max: Positive = 10
    """Most replicas."""

    cooldown: CooldownSettings = field(default_factory=CooldownSettings)
    """How long persons and the policy `step` wait after an action; `hpa` and `predictive` pace themselves."""

    limits: tuple[CouplingSettings, ...] = ()
    """What replicas share, such as {name: database connections, per_replica: 25, total: 100}."""

    budget: BudgetSettings = field(default_factory=BudgetSettings)
    """What an autoscaler may spend before it stops and asks for a person."""

    policy: Literal["step", "hpa", "predictive"] = "predictive"
    """Whose verdict `capmon autoscale` follows."""

    every: Duration = Duration(15.0)
    """Pace of the policies' verdicts."""

    startup: Duration = Duration(180.0)
    """How long a new replica takes until it serves, until capmon has measured it."""

    price_per_hour: float | None = None
    """Price of one replica for an hour; none leaves costs out."""

    currency: str = "$"
    """What prices are in."""

    overload_minute: float | None = None
    """What a minute of overload costs, in replica-hours, for the predictive policy to weigh; none: it may spend `floor_budget`."""

    floor_budget: Ratio = Ratio(0.2)
    """Replica-hours that the forecast's floor may cost beyond HPA's, as a share of those, where overload has no price."""

    step: StepSettings = field(default_factory=StepSettings)
    """The guide's rule: one replica at a time."""

    hpa: HpaSettings = field(default_factory=HpaSettings)
    """Kubernetes' own algorithm."""

    vertical: VerticalSettings = field(default_factory=VerticalSettings)
    """When another tier is due."""
