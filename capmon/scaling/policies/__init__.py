"""Scaling policies: state and measurements in, a verdict with its reasons out."""
