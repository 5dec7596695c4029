"""`swarmproof.pyz`: the project and its libraries in one file, which only needs Python."""
