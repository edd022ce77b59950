"""Environments, deployments and their revisions: what runs where, since when, and who allowed it."""
