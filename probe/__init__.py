"""A live conformance test of somebody's own program: plays all the other peers and says what it breaks."""
