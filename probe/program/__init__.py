"""The program under test: its folder, its ports, its process group, and who ends it."""
