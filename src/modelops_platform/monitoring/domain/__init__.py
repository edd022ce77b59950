"""What a figure means under its limits, how lights add up, and which times a page shows."""
