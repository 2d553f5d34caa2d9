"""Heliograph: a self-hosted messaging platform that speaks SignalWire's messaging APIs."""

__version__ = "0.1.0"
