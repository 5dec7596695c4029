"""What `tasks.py` is made of: launching swarms on this machine, watching them, timing them."""
