"""The command line `puhui`: serve the exchange, trade on it, operate it, and look after its records."""
