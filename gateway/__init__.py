"""The way in: HTTP, WebSocket, journal, sequencer, views, web pages and the command line."""
