"""Rule books and calendars as data files, each value with its source, and what makes commands of them."""
