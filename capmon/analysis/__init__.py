"""Arrays in, results out: no input or output, no clock, no event loop."""
