"""The figures that the capacity guide's examples start from."""

from __future__ import annotations

SAMPLE = (
    {"timestamp": "2024-01-15T10:00:00Z", "request_rate": 50, "cpu_usage": 45, "memory_usage_mb": 2048, "response_time_p95": 120, "concurrent_requests": 20},
    {"timestamp": "2024-01-15T11:00:00Z", "request_rate": 75, "cpu_usage": 60, "memory_usage_mb": 2256, "response_time_p95": 150, "concurrent_requests": 30},
    {"timestamp": "2024-01-15T12:00:00Z", "request_rate": 100, "cpu_usage": 70, "memory_usage_mb": 2512, "response_time_p95": 180, "concurrent_requests": 40},
)  # fmt: skip
"""Three hours of load: requests per second, per cent of the CPU, MB, milliseconds."""

CACHED = (
    {"response_time_no_cache": 200, "response_time_with_cache": 120},
    {"response_time_no_cache": 240, "response_time_with_cache": 150},
    {"response_time_no_cache": 280, "response_time_with_cache": 180},
)
"""Two columns that the guide's code asks for and its own rows lack."""

REQUEST_RATES = (10, 25, 50, 75, 100, 150)
"""Requests per second that the models are built from."""

CPU_UTILIZATIONS = (15, 25, 40, 55, 70, 85)
"""Per cent of the CPU at those rates."""

RESPONSE_TIMES = (80, 90, 120, 150, 200, 300)
"""95th percentile at those rates, milliseconds."""

CONCURRENT_USERS = (5, 12, 25, 38, 50, 75)
"""Users at those rates."""

MEMORY_USAGE = (1800, 2000, 2300, 2600, 2900, 3400)
"""MB with those users."""

RATE_NOW = 50.0
"""Requests per second that the guide grows from."""

HISTORY = (
    {"timestamp": "2024-01-01", "daily_requests": 10000},
    {"timestamp": "2024-01-08", "daily_requests": 12000},
    {"timestamp": "2024-01-15", "daily_requests": 15000},
    {"timestamp": "2024-01-22", "daily_requests": 18000},
)
"""Three weeks of growth."""

HISTORY_DAYS = (0, 7, 14, 21)
"""Days of those rows."""

CORES = 4
"""Cores of the machine."""

CPU_SECONDS_AN_HOUR = 9600.0
"""What the guide makes of 4 cores at 2.4 GHz."""

CPU_SECONDS_AT_TARGET = 7680.0
"""The same at 80 %."""

UTILIZATION_TARGET = 0.8
"""Utilization that the guide plans for."""

OBJECTIVE_MS = 250.0
"""95th percentile that the guide promises, milliseconds."""

CONNECTIONS_PER_INSTANCE = 25
"""Database connections of one instance."""

CONNECTIONS = 100
"""Database connections there are."""

MAX_INSTANCES = 10
"""Instances that the guide would scale to."""
