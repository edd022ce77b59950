"""Statements of the hot paths, as this room's modules know them."""

from modelops_platform.core.statements import Row, Statement, is_postgres, marks

__all__ = ["Row", "Statement", "is_postgres", "marks"]
