"""The fixtures of engine_ground, for every test in this folder."""

from engine_ground import carrier, ground

__all__ = ["carrier", "ground"]
