"""The demonstration behind ``alert demo``: one stream of inputs under three schemes."""
