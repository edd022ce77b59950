"""The demonstration: real data and real models, brought in over HTTP by several people."""
