"""What readers see, kept in memory and folded from journaled entries only."""
