"""From a flow file or a builder to a checked `Workflow`."""
