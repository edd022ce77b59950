"""What proves the log: trees, seals, exports and their checking. Needs no database and no secret to check."""
