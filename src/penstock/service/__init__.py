"""Floor 3: the verbs (submit, cancel, register, list …) and the loops (scheduler). Records first, acts second."""
