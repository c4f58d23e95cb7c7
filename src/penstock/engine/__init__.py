"""Floor 1: decisions, pure. No clock, no disk, no database; what they need is an argument."""
