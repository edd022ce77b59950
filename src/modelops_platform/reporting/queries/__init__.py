"""Reads over every room, bounded by what the actor may see."""

from .home import Home, get_home
from .portfolio import Portfolio, Row, get_portfolio

__all__ = ["Home", "Portfolio", "Row", "get_home", "get_portfolio"]
