"""Work on other machines: `scheduler` has the workers of a Dask scheduler do it.

Each does what `worker` says, in a process that `part` leads.
"""
