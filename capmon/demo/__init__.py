"""A small service with a load on it that behaves as queueing theory says."""
