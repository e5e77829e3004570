"""A family of cheaper variants, made from one network. It needs torch."""

from alert.variants.kinds import KINDS
from alert.variants.loading import load
from alert.variants.making import family
from alert.variants.members import Family
from alert.variants.variant import Variant

__all__ = ["KINDS", "Family", "Variant", "family", "load"]
