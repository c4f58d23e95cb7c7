"""Telling others that runs have ended."""
