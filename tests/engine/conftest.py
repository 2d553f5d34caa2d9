"""The fixtures of the grounds, for every test in this folder."""

from engine_ground import carrier, ground
from receipt_ground import world
from sending_ground import sending

__all__ = ["carrier", "ground", "sending", "world"]
