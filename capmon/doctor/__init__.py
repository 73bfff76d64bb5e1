"""What can be read here, what not and why, and what to do: `capmon doctor`."""
