"""Serving many applications on one machine: queue, admission, policies, and the server."""
