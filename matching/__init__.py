"""Trading: the listed book, negotiated transfers, the trading day and the rule book. Pure."""
