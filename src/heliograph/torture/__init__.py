"""The torture carrier: an SMSC for tests that misbehaves when it is told to. See carrier.py."""
