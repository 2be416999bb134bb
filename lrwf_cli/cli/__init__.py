"""The command line: the only home of click, rich, platformdirs and exit codes."""
