"""The model worker: the only program that loads models. It runs as a limited child, started by `serving.service`."""
