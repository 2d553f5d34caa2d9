"""SMPP 3.4 (issue 1.2): bytes to values and back, and which PDU may come when. No I/O, no clock."""
