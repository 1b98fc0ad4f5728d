"""Signals as a waterfall in the terminal."""
