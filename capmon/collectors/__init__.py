"""The outside world turned into samples, one module a source."""
