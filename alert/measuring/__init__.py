"""Measurements on this machine: profiles, recorded traces, and the description of the machine."""
