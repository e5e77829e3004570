"""A budget of power for many machines: what each would lose, the shares, and who holds them."""
