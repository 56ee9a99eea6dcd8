"""The supervisor's own: everything there is to read, across all accounts."""
