"""Pure rules of messaging: synchronous, without clock, without I/O."""
