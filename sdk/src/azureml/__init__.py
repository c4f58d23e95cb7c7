"""The SDK v1 names, carried by Penstock (penstock-sdk)."""
