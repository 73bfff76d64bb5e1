"""What joins monitor and history: keeping, streaming, attaching, going back in time."""
