"""What ours is measured against: each a program of its own, to be run as a process of its own."""
