"""The job queue in SQL: claims, leases, retries and schedules."""
