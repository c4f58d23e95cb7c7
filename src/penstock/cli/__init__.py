"""Floor 5: the command line. Speaks HTTP to the server (docs/graph.md) and prints; decides nothing."""
