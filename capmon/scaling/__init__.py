"""Pure decisions about replicas: state and measurements in, plans with reasons out."""
