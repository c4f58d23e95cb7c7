"""Schedules: due times and changes of data, and what becomes of each."""
