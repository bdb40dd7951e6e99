"""`python -m vigie.cli`: the command line without its script."""

from vigie.cli import app

app(prog_name="vigie")
