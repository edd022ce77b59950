"""Words, limits and searches of tracking."""
