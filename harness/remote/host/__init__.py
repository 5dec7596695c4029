"""What runs on the hosts: an agent that is sent there, made of the standard library alone."""
