"""The capacity guide's own rules, faults included, to stand beside what capmon says.

Each module is one of the guide's classes as functions of its methods' names; the docstrings say
which fault is kept. Where the guide's code raises, these raise `NotEnoughData`. Nothing else of
capmon decides by them.
"""

from __future__ import annotations

from capmon.analysis.guide.autoscaler import (
    AutoScalerConfig,
    CurrentMetrics,
    ScaleAction,
    ScaleThresholds,
    cooling_down,
    get_current_instance_count,
    scale_down,
    scale_up,
    should_scale_down,
    should_scale_up,
)
from capmon.analysis.guide.comprehensive import (
    ComprehensiveAnalysis,
    ScalingRecommendation,
    detect_application_bottleneck,
    detect_database_bottleneck,
    generate_scaling_recommendation,
    run_comprehensive_analysis,
)
from capmon.analysis.guide.detector import (
    SEVERITIES,
    THRESHOLDS,
    BottleneckResult,
    bottlenecks,
    detect_cache,
    detect_cpu_bottleneck,
    detect_database,
    detect_memory_bottleneck,
    detect_response_time,
)
from capmon.analysis.guide.growth import (
    GrowthTrend,
    LoadForecast,
    ScalingTrigger,
    analyze_growth_trend,
    forecast_load,
    identify_scaling_triggers,
)
from capmon.analysis.guide.resources import (
    ExponentialModel,
    LinearModel,
    MemoryModel,
    Models,
    ScalingRequirements,
    build_cpu_model,
    build_memory_model,
    build_response_time_model,
    calculate_scaling_requirements,
    predict_resources,
)
from capmon.analysis.guide.seasonal import (
    CapacityRequirements,
    CapacityScenario,
    DailyPatterns,
    WeeklyPatterns,
    calculate_capacity_requirements,
    identify_daily_patterns,
    identify_weekly_patterns,
)
from capmon.analysis.guide.table import (
    Rows,
)
from capmon.analysis.guide.utilization import (
    CurrentUtilization,
    Usage,
    assess_current_utilization,
)
from capmon.analysis.guide.workload import (
    CapacityNeeds,
    RequestPatterns,
    ResourcesPerRequest,
    analyze_request_patterns,
    calculate_resource_per_request,
    predict_capacity_needs,
)

__all__ = [
    "SEVERITIES",
    "THRESHOLDS",
    "AutoScalerConfig",
    "BottleneckResult",
    "CapacityNeeds",
    "CapacityRequirements",
    "CapacityScenario",
    "ComprehensiveAnalysis",
    "CurrentMetrics",
    "CurrentUtilization",
    "DailyPatterns",
    "ExponentialModel",
    "GrowthTrend",
    "LinearModel",
    "LoadForecast",
    "MemoryModel",
    "Models",
    "RequestPatterns",
    "ResourcesPerRequest",
    "Rows",
    "ScaleAction",
    "ScaleThresholds",
    "ScalingRecommendation",
    "ScalingRequirements",
    "ScalingTrigger",
    "Usage",
    "WeeklyPatterns",
    "analyze_growth_trend",
    "analyze_request_patterns",
    "assess_current_utilization",
    "bottlenecks",
    "build_cpu_model",
    "build_memory_model",
    "build_response_time_model",
    "calculate_capacity_requirements",
    "calculate_resource_per_request",
    "calculate_scaling_requirements",
    "cooling_down",
    "detect_application_bottleneck",
    "detect_cache",
    "detect_cpu_bottleneck",
    "detect_database",
    "detect_database_bottleneck",
    "detect_memory_bottleneck",
    "detect_response_time",
    "forecast_load",
    "generate_scaling_recommendation",
    "get_current_instance_count",
    "identify_daily_patterns",
    "identify_scaling_triggers",
    "identify_weekly_patterns",
    "predict_capacity_needs",
    "predict_resources",
    "run_comprehensive_analysis",
    "scale_down",
    "scale_up",
    "should_scale_down",
    "should_scale_up",
]
