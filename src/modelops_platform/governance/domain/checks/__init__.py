"""The checks that policies ask for: a module for each family, listed in `registry`."""
