"""What units are used for: compliance offsets and every other use, certificates, compliance years."""
