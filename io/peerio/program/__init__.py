"""A peer as a program: its command line, signals, limits, and what it tells people on stderr."""
