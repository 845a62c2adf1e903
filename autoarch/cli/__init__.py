"""The command line: arguments in (``main``), data files read (``files``), a demonstration (``demo``)."""
