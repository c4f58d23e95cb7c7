"""Floor 2: an Environment → an interpreter on this machine (to come), and what an interpreter would run a step with."""
