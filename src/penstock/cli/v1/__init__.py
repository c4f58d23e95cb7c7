"""`penstock doctor SCRIPT_OR_NOTEBOOK`: what v1 code uses of the SDK, and what is different here. Reads code, never runs it."""
