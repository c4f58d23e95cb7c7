"""Floor 0: the nouns. Standard library only, no input or output, no clock."""
