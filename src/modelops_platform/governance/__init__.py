"""Risk assessment, policies, decisions and approvals; registered as the gate."""
