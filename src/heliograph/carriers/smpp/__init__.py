"""Carriers spoken to over SMPP 3.4: connections, windows, pace, receipts and inbound messages."""
