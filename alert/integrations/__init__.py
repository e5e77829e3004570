"""Bridges to the tools of others. Each needs the package that it is named after."""
