"""Floor 2: where Jobs run; one file per place. A compute knows the job folder and nothing of steps, runs or the store."""
