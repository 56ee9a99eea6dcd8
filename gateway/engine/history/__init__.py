"""What has ended and is kept for good, read from the database; and the statements made of it."""
