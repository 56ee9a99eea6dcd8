"""Backups: a consistent copy of all a restart needs, taken while the exchange runs, and putting one back."""
