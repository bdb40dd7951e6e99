"""Roll-ups: a cache of the log up to a watermark, folded forward by a job and rebuilt from the facts on demand."""
