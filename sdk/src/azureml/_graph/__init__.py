"""From what the author wrote to the Graph JSON of docs/graph.md. No HTTP here: what needs a server is handed in."""
