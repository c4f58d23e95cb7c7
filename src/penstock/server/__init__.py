"""Floor 4: HTTP: our own JSON (docs/graph.md), who may call, the studio's pages, and the server's process."""
