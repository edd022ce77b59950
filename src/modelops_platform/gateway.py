"""The inference process: the routes at which deployments answer."""
