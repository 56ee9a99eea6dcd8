"""What each account is told of what concerns it: the lines of its event log."""
