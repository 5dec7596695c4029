"""Grading: many submissions, each found, judged and scored in a process of its own, then a table of them all."""
