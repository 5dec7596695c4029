"""The search for failures among simulated swarms, on the processors here or on a cluster.

`judging` runs and judges one swarm, `campaign` many; `cluster` has them run by the workers of a Dask scheduler,
each of which does what `worker` says in a process that `part` leads.
"""
