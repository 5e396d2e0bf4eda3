"""What keeps a site's queue filled: a turn, the thread that takes turns, the process of its own, and who starts it."""
