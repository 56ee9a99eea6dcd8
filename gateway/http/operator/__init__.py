"""The operator's own: the day, the market's set-up, exceptional acts, and the line to the registry."""
