"""What goes into the core and what comes out of it: messages, events (facts), effects (orders)."""
