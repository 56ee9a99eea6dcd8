"""Documents on paper: what is written on them, how they are typeset, and the one place that prints them."""
