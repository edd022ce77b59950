"""How callers speak with a model: JSON of the two protocols in, tables out, and answers back. Pure."""
