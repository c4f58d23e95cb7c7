"""Who asks: principals, tokens, sessions, runs; and the record of what they changed."""
