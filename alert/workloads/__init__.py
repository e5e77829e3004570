"""Real work to try `alert` on: pretrained networks, photographs, and contention."""
