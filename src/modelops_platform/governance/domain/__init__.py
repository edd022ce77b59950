"""What governance means, without a database: questionnaire, policies, facts, votes, decisions, states."""
