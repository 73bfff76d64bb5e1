"""The heart: collectors fill the store, the engine reads it, and frames come out."""
