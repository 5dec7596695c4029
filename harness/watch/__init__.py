"""What people see of a running swarm: `board` knows how each peer stands, `live` shows it."""
