"""What leaders read: the portfolio, its views and its exports."""
