"""The SDK's side of the HTTP API (docs/graph.md): finding or starting a server, calling it, sending snapshots and journals."""

SDK_VERSION = "0.1.0"
