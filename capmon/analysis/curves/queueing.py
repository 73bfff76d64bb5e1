"""Waiting in queues with several servers: M/M/c exactly, G/G/c by its best-known approximation."""

from __future__ import annotations

import math

from capmon.model import shapes

# Waits and responses are in the unit of the service time given, which is 1 unless said otherwise.


def blocking_probability(servers: int, offered: float) -> float:
    """Erlang B: probability that all servers of a system without a queue are busy.

    Args:
        servers: 1 or more.
        offered: Arrival rate times mean service time, 0 or more.

    Raises:
        ValueError: An argument is out of its range.

    Source:
        Cooper, Introduction to Queueing Theory (1981), section 3.3.
    """
    _check_servers(servers)
    if not 0 <= offered < math.inf:
        raise ValueError(f"offered load must be 0 or more, got {offered}")
    return shapes.erlang_b(servers, offered)


def waiting_probability(servers: int, utilization: float) -> float:
    """Erlang C: probability that a request of an M/M/c queue has to wait.

    Args:
        servers: 1 or more.
        utilization: Arrival rate × mean service time / servers, from 0 to below 1.

    Raises:
        ValueError: An argument is out of its range.

    Source:
        Cooper, Introduction to Queueing Theory (1981), section 3.4.
    """
    _check(servers, utilization)
    return shapes.erlang_c(servers, utilization)


def mean_wait(servers: int, utilization: float, service: float = 1.0) -> float:
    """Mean time in the queue of M/M/c, over all requests, those that need not wait included.

    Args:
        servers: 1 or more.
        utilization: From 0 to below 1.
        service: Mean service time.

    Raises:
        ValueError: An argument is out of its range.

    Source:
        Gross et al., Fundamentals of Queueing Theory (2008), section 2.3.
    """
    _check(servers, utilization, service)
    return shapes.erlang_c(servers, utilization) * service / (servers * (1 - utilization))


def mean_response(servers: int, utilization: float, service: float = 1.0) -> float:
    """Mean time in queue and service of M/M/c; arguments and errors as for `mean_wait`."""
    return mean_wait(servers, utilization, service) + service


def wait_quantile(share: float, servers: int, utilization: float, service: float = 1.0) -> float:
    """The time that a share of all requests waits at most in M/M/c; 0 where so many need not wait.

    Args:
        share: From 0 to below 1.
        servers: 1 or more.
        utilization: From 0 to below 1.
        service: Mean service time.

    Raises:
        ValueError: An argument is out of its range.

    Source:
        Gross et al., Fundamentals of Queueing Theory (2008), section 2.3: the tail of the wait
        is C·e^(-c(1 - ρ)t/S).
    """
    _check(servers, utilization, service)
    _check_share(share)
    waits = shapes.erlang_c(servers, utilization)
    if waits <= 1 - share:
        return 0.0
    return math.log(waits / (1 - share)) * service / (servers * (1 - utilization))


def response_quantile(
    share: float, servers: int, utilization: float, service: float = 1.0
) -> float:
    """The response time that a share of all requests stays within in M/M/c.

    A response is a wait, which is nothing for some, and an exponential service. Its distribution
    is a mixture without a closed quantile; it is found to twelve digits. At c(1 - ρ) = 1 wait and
    service have the same rate, and their sum is an Erlang distribution.

    Args:
        share: From 0 to below 1.
        servers: 1 or more.
        utilization: From 0 to below 1.
        service: Mean service time.

    Raises:
        ValueError: An argument is out of its range.

    Source:
        Gross et al., Fundamentals of Queueing Theory (2008), section 2.3.
    """
    _check(servers, utilization, service)
    _check_share(share)
    return shapes.response_quantile(servers, utilization, share) * service


def response_tail(time: float, servers: int, utilization: float, service: float = 1.0) -> float:
    """Probability that a response of M/M/c takes longer than `time`.

    Args:
        time: 0 or more, in the unit of `service`.
        servers: 1 or more.
        utilization: From 0 to below 1.
        service: Mean service time.

    Raises:
        ValueError: An argument is out of its range.
    """
    _check(servers, utilization, service)
    if not time >= 0:
        raise ValueError(f"time must be 0 or more, got {time}")
    waits = shapes.erlang_c(servers, utilization)
    return shapes.response_tail(servers, utilization, waits, time / service)


def kingman_wait(
    utilization: float, service: float = 1.0, arrival_scv: float = 1.0, service_scv: float = 1.0
) -> float:
    """Kingman's approximation of the mean wait in G/G/1: ρ/(1 - ρ) · (Ca² + Cs²)/2 · S.

    It is exact for M/M/1 and M/G/1, and an upper bound in heavy traffic.

    Args:
        utilization: From 0 to below 1.
        service: Mean service time.
        arrival_scv: Variance over squared mean of the times between arrivals, 1 for Poisson.
        service_scv: Variance over squared mean of the service times, 1 for exponential ones.

    Raises:
        ValueError: An argument is out of its range.

    Source:
        Kingman, The single server queue in heavy traffic, Proc. Camb. Phil. Soc. 57 (1961).
    """
    return sakasegawa_wait(1, utilization, service, arrival_scv, service_scv)


def sakasegawa_wait(
    servers: int,
    utilization: float,
    service: float = 1.0,
    arrival_scv: float = 1.0,
    service_scv: float = 1.0,
) -> float:
    """Approximate mean wait in G/G/c: S · (Ca² + Cs²)/2 · ρ^(√(2(c+1)) - 1)/(c(1 - ρ)).

    Args:
        servers: 1 or more.
        utilization: From 0 to below 1.
        service: Mean service time.
        arrival_scv: Variance over squared mean of the times between arrivals, 1 for Poisson.
        service_scv: Variance over squared mean of the service times, 1 for exponential ones.

    Raises:
        ValueError: An argument is out of its range.

    Source:
        Sakasegawa, An approximation formula Lq ≈ α·ρ^β/(1 - ρ), Ann. Inst. Stat. Math. 29 (1977);
        with both variabilities in Hopp and Spearman, Factory Physics (2008), chapter 8.
    """
    _check(servers, utilization, service)
    if not (0 <= arrival_scv < math.inf and 0 <= service_scv < math.inf):
        raise ValueError(f"variability must be 0 or more, got {arrival_scv} and {service_scv}")
    shape = shapes.queue_wait(servers, utilization) / servers
    return service * (arrival_scv + service_scv) / 2 * shape


def _check(servers: int, utilization: float, service: float = 1.0) -> None:
    _check_servers(servers)
    if not 0 <= utilization < 1:
        raise ValueError(f"utilization must be from 0 to below 1, got {utilization}")
    if not 0 < service < math.inf:
        raise ValueError(f"service time must be above 0, got {service}")


def _check_servers(servers: int) -> None:
    if servers < 1 or servers != int(servers):
        raise ValueError(f"servers must be a whole number from 1 on, got {servers}")


def _check_share(share: float) -> None:
    if not 0 <= share < 1:
        raise ValueError(f"share must be from 0 to below 1, got {share}")
