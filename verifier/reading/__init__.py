"""From files to columns: configuration, logs in any wording, and the times in them."""
