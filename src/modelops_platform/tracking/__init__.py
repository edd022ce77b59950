"""Experiments, runs, parameters, metrics, logged models and traces."""
