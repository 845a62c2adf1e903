"""Shared by all rooms: parameter checks, the clock, lazy and optional imports, progress, callbacks and silence."""
