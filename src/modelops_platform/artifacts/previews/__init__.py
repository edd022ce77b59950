"""Looking into stored files without running or showing anything active: made in a limited child, kept by digest."""
