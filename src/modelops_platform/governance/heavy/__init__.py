"""Tests of a suite, done in a spawned child: numeric libraries, foreign files, and a model in a worker."""
