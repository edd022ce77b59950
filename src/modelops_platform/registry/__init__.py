"""The inventory of all models: use cases, versions, aliases, data sets, and the summary row."""
