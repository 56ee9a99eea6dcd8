"""Client libraries that nobody here wrote drive a real exchange: what their users will do, done first."""
