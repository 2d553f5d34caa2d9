"""Refusing a text that is no phone number: the value, so that the caller finds it, and how to write it."""

from heliograph.core import numbers
from heliograph.core.errors import Fault, Refusal
from heliograph.core.texts import quoted


def invalid_number(fault: Fault, named: str, value: str) -> Refusal:
    """The refusal of a caller's value; `named`: what the caller knows it as, such as "'To' number"."""
    return Refusal(fault, f"The {named} {quoted(value)} is not a valid phone number: {numbers.advice(value)}.")
