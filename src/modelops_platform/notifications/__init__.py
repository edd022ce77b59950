"""Channels, subscriptions and deliveries, which react to events."""
