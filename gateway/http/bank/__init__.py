"""The settlement bank: what it reports, and its statements held against the books."""
