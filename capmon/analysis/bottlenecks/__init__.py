"""What limits the service, why, and what to do about it."""
