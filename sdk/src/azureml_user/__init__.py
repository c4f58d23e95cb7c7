"""What scripts import when they run under a ParallelRunStep."""
