"""Who is let in: keys of programs, people and their sessions, and ways in that two persons agree to."""
