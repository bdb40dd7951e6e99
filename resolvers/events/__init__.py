"""The log's way in: what senders may say, the checks, the writer that commits in groups, and its two stores."""
