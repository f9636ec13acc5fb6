"""`python -m lapor_sync`: the same as the command `lapor-sync`."""

from lapor_sync.cli import main

main()
