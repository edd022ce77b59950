"""Shapes of the log and of the queue outside."""
