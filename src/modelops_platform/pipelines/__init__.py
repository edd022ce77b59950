"""Training recipes, their runs, and what sets them off."""
