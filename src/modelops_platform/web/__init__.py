"""Opening and committing sessions for routes, pages, error answers, limits and security headers."""
