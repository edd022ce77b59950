"""Reads of the log and of the queue, bounded by what the actor may see."""
