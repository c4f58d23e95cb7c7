"""Whether a step runs or an earlier one stands for it, and why."""
