"""Rules of jobs and schedules."""
