"""The live view: what a runner or a server does now, for `alert watch` on the same machine.

A `Sender` beside the runner sends snapshots through a Unix socket, a `Receiver` reads them.
"""
