"""Claims of speed, each as a command that measures a ratio to a baseline in the same run."""
