"""Training recipes: what to learn from what, as data. A recipe carries no code."""
