"""Users, units, service accounts, tokens, roles and grants; says who a caller is."""
