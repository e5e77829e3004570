"""Multiplies matrices on the GPU until it is killed. Says when it is ready, then stops itself."""

from __future__ import annotations

import os
import signal

import torch


def main() -> None:
    a = torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16)
    for _ in range(3):
        a @ a
    torch.cuda.synchronize()
    print("ready", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    while True:
        for _ in range(4):  # few: after a SIGSTOP the GPU works on what it was given
            a @ a
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
