"""What happened: each log's life, what it knew line by line, and what was matched across logs."""
