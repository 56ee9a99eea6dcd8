"""The settlement bank's files: statements as banks send them, read into what the core compares."""
