"""The parts of `peerio.networking`, which alone uses them."""
