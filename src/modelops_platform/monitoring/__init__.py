"""Figures over time, their thresholds, the lights they give and the alerts they raise."""
