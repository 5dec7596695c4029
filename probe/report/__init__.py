"""What people and machines are told of a probe: verdicts, text, JSON, JUnit, Gradescope, progress."""
