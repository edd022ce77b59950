"""The typed HTTP client of the platform; it imports nothing of ours."""
