"""The message engine: accept, dispatch, receipts, callbacks, inbound. It meets the other machines in ports.py."""
