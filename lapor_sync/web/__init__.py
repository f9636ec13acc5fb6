"""The board (papan): pages for officers, made on the server. It acts by `office` and decides nothing itself."""
