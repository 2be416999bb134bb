"""Examples of each command, for its `--help`: what to type, and what that does. A test calls them by these names."""

__all__ = ["EXAMPLES"]

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "run": (
        ("lrwf run flow.yaml --input dataset=cats", "until it has finished or waits"),
        ("lrwf run flow.yaml --id nightly --wait --timeout 2h", "to its end, under a name, for two hours at most"),
        ("lrwf run flow.yaml --input-file inputs.json --detach", "in the background; prints the id"),
        ("lrwf run module:workflow --dry-run", "only check a workflow built in Python"),
    ),
    "tick": (
        ("lrwf tick", "what is due now; in a crontab: * * * * * lrwf tick"),
        ("lrwf tick --watch", "stay, and wake runs at the instant"),
    ),
    "status": (
        ("lrwf status train-7h2k", "what it waits for, what it has done, what to do next"),
        ("lrwf status train --json", "the same for programs; an id may be shortened"),
    ),
    "list": (
        ("lrwf list", "all runs, the newest first"),
        ("lrwf list --status waiting --json", "those that wait, for programs"),
    ),
    "wait": (("lrwf wait train-7h2k eval-3kd0 --timeout 10m", "until both have finished; 124 if not in time"),),
    "requests": (
        ("lrwf requests", "an inbox over all runs"),
        ("lrwf requests train-7h2k", "all there is to know of what one run asks"),
        ("lrwf requests train-7h2k --all", "what was answered, too, and by whom"),
    ),
    "respond": (
        ("lrwf respond train-7h2k approve", "be asked, on a terminal"),
        ('lrwf respond train-7h2k approve ship --comment "go ahead"', "choose, and say why"),
        ("""lrwf respond train-7h2k budget --data '{"amount": 250}'""", "give an object"),
        ("lrwf respond train-7h2k budget --data @answer.yaml", "give one that is in a file"),
        ("lrwf respond train-7h2k amount -- -5", "a value that begins with a dash"),
    ),
    "cancel": (
        ('lrwf cancel train-7h2k --reason "wrong dataset"', "end a run, and say why"),
        ("lrwf cancel train-7h2k --grace 1m", "give what is at work a minute to end"),
    ),
    "logs": (
        ("lrwf logs train-7h2k", "what all its handlers and commands have printed"),
        ("lrwf logs train-7h2k evaluate -f", "what one prints, as it comes"),
    ),
    "history": (("lrwf history train-7h2k", "an event a line"),),
    "checkpoints": (("lrwf checkpoints train-7h2k", "what `--to` and `--at` may be"),),
    "retry": (
        ("lrwf retry train-7h2k", "with the code as it is today"),
        ("lrwf retry train-7h2k --pinned", "with the code that it began with"),
    ),
    "rewind": (("lrwf rewind train-7h2k --to 12", "go on from there as if nothing had come after it"),),
    "fork": (("lrwf fork train-7h2k --at 12", "a second run that goes on from there; the first stays"),),
    "pause": (('lrwf pause train-7h2k --reason "the cluster is full"', "until somebody resumes it"),),
    "resume": (
        ("lrwf resume train-7h2k", "let a paused or blocked run go on"),
        ("lrwf resume train-7h2k --restart-handler", "begin what is stuck from its top"),
    ),
    "validate": (("lrwf validate flow.yaml", "all mistakes, each with its place"),),
    "simulate": (
        ("lrwf simulate flow.yaml", "what happens when nobody answers"),
        ("lrwf simulate flow.yaml --scenario good-day.yaml --input dataset=cats", "what happens on a good day"),
    ),
    "schema": (
        ("lrwf schema", "all of it; editors read it from a file"),
        ("lrwf schema executors.retry", "what may stand there"),
    ),
}
"""By command; each has at least one."""
