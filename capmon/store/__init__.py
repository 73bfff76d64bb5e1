"""Samples in memory: fixed rings, aligned windows, gaps kept."""
