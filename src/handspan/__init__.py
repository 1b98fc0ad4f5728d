"""Handspan: handoffs as spans. What several coding agents do together, told in OpenTelemetry."""

__version__ = "0.1.0"
