"""The command line: the only home of click, rich, platformdirs and exit codes.

One module a command, imported when it is called. `app` finds and calls them, `options` is what they share to be
called with, `session` what they share to work with; `exits`, `complain`, `render` and `story` put things into words.
"""
