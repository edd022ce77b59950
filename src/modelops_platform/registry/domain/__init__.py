"""Rules of the inventory: names, kinds and their fields, search text, versions. Pure."""
