"""The only code that changes the world: targets, runs and the audit log."""
