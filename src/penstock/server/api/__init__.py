"""The calls of docs/graph.md, one module per family. A route only translates between HTTP and a verb."""
