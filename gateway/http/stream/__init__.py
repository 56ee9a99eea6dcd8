"""The WebSocket /v1/ws: public market data, the private event log, and orders over one connection."""
