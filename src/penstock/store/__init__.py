"""Floor 2: what is remembered. The only code that knows there is a database."""
