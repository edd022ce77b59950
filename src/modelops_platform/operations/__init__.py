"""Pages and API of what stands below the web: audit, jobs, schedules, settings, health."""
