"""Why the gateway refuses: each reason with its status, the catalogue of all of them, and how a refusal is written."""
