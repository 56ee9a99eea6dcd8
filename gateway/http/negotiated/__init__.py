"""Negotiated transfers (协议转让), as both sides, the exchange and the supervisor see them."""
