"""What moves runs on: the scheduler's loop, what it decides and writes, and which server does it."""
