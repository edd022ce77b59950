"""One append-only log: audit trail, activity feed and outbox in one."""
