"""Scale targets: what can be read and set on an orchestrator."""
