"""Settings, database, errors, actors, clock, ids, cursors, gates and logging: what every room stands on."""
