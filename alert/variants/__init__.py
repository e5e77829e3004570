"""A family of cheaper variants, made from one network. It needs torch."""
