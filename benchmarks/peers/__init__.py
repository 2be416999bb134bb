"""The contestants' own programs: each does one workload once, as its own documentation would have it done.

They run in processes of their own, the other tools' in a virtual environment of theirs. Each prints one line of JSON
with what it came to, so that whoever measures can see that the work was done. Nothing is measured here but the
stretch of work itself, without start-up.
"""
