"""Components: the things whose health is watched, how they are, and how they were."""
