"""What takes days to see: patterns, seasons and growth."""
