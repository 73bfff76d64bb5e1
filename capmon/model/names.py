"""Metrics that several rooms reason about, by their names in the catalogue."""

from __future__ import annotations

RATE = "http.server.request.rate"
"""Load of the whole service."""

USERS = "app.users.active"
IN_FLIGHT = "http.server.active_requests"
RATE_PER_REPLICA = "load.per_replica"
USERS_PER_REPLICA = "users.per_replica"

LATENCY = "http.server.request.duration.p95"
"""What the objective is about."""

ERRORS = "http.server.error.ratio"
ERROR_RATE = "http.server.error.rate"

READY = "replicas.ready"
DESIRED = "replicas.desired"

APP_CPU, HOST_CPU = "process.cpu.utilization", "system.cpu.utilization"
CPU = (APP_CPU, HOST_CPU)
"""Where the CPU's utilization comes from, the application's own first."""

APP_MEMORY, HOST_MEMORY = "process.memory.utilization", "system.memory.utilization"
MEMORY = (APP_MEMORY, HOST_MEMORY)
"""Where the memory's utilization comes from, the application's own first."""

MEMORY_USAGE = "process.memory.usage"
"""Bytes in use by one replica, where it does not report a share."""
