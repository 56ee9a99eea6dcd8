"""The web terminal: its files, its words, and its pages in a real browser."""
