"""Pipeline runs as their users see them: submitted, looked at, stopped, taken up again, debugged."""
