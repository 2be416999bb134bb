"""From the bytes beside a flow file to executors: what a run is pinned to, compiled, imported and made."""
