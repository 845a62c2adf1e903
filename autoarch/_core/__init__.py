"""What every room may lean on: parameter checks, the clock, lazy and optional imports, progress and silence."""
