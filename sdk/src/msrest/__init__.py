"""A stub of msrest: the one exception class that existing code catches."""
