"""What a peer decides: the protocol without sockets, files, clocks or global randomness."""
