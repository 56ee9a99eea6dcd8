"""Rules that hold for the project as a whole, and for each rule the proof that it can fail."""
