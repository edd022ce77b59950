"""The inference runtime: model workers that know artifacts by digest, but no models and no policies."""
