"""A swarm on this machine: `invoke swarm`.

`runfolder` makes the folder, `launcher` and `children` run the peers, `shutdown` ends them, `copies` and
`result` say what came of it. A swarm across machines (`harness.remote`) uses most of it, too.
"""
