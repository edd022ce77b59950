"""ModelOps platform: keep, ship, watch and govern every model an organisation relies on."""

__version__ = "0.1.0"
