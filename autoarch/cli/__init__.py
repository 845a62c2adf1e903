"""The command line: arguments and data files in, files and text out (``main``), and a demonstration (``demo``)."""
