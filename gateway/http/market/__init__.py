"""What anybody may know of the market: as it is now, and of closed days."""
