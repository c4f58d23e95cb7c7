"""Floor 4: Penstock checked on the user's own machine. A simulated world, from one seed, in which everything that can go wrong does."""
