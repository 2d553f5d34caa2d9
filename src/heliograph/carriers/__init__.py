"""Connections to the outside; each fulfils ports.Carrier."""
