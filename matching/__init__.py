"""Trading: listed orders, the trading day and the rule book. Pure and deterministic; stands on settlement."""
