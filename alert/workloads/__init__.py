"""Real work to try `alert` on: pretrained networks, real pictures, contention beside them."""
