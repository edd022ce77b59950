"""Webhooks: what happens here, told to other systems, signed, each event once to each of them."""
