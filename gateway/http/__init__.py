"""The public face: REST and WebSocket under /v1, one route table, one catalogue of errors."""
