"""Work in parts: `handing` hands them out, `processes` does them on this machine."""
