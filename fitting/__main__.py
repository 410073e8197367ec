"""`python -m fitting`: the command line, also where a launcher wants a module."""

from fitting.cli import app

app()
