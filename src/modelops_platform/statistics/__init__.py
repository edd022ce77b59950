"""Pure arithmetic: distances, tests, intervals, bins and profiles."""
