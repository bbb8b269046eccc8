"""In their order: r0001 first."""
