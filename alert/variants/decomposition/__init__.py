"""Weights as a small basis times sparse powers of two: how they are found, trained and packed."""
