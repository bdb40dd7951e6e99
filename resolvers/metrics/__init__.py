"""What the traffic costs, how fast and how well it runs: figures from one snapshot, exact up to its last commit."""
