"""One's own accounts: what is in them, what comes in and goes out, and who else may act for them."""
