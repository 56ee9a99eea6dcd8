"""Who may do what: keys and their scopes, signatures, and how much of each may be done at once."""
