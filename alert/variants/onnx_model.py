"""A network that ONNX Runtime runs."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from alert._text import plain
from alert.running.models import Call


class OnnxModel(nn.Module):
    """Runs an ONNX network on the CPU, with as many threads as torch uses for one operator.

    It is a module with one buffer, so that a `Store` can load it like any other. The buffer becomes
    a session of ONNX Runtime, and is let go: as soon as it has been loaded, or at the first run.

    Parameters
    ----------
    content : bytes or int
        Of an .onnx file; or their number, for those that are read afterwards.
    """

    content: torch.Tensor

    def __init__(self, content: bytes | int) -> None:
        super().__init__()
        if isinstance(content, int):
            room = torch.empty(content, dtype=torch.uint8, device="meta")
        else:
            room = torch.from_numpy(np.frombuffer(content, np.uint8).copy())
        self.register_buffer("content", room)
        self.register_load_state_dict_post_hook(_start)  # type: ignore[no-untyped-call]
        self._session: Any = None
        self._names: list[str] = []  # of its inputs
        self._lock = threading.Lock()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the network on tensors. Several outputs come as a tuple."""
        session = self._session or self.start()
        feeds = arrays(self._names, Call(*args, **kwargs))
        found = tuple(torch.from_numpy(array) for array in session.run(None, feeds))
        return found[0] if len(found) == 1 else found

    def start(self) -> Any:
        """Start the session, if it has not been started yet; return it."""
        with self._lock:
            if self._session is None:
                started = session(self.content.cpu().numpy().tobytes())
                self._names = [entry.name for entry in started.get_inputs()]
                self._session = started
                self.content = torch.empty(0, dtype=torch.uint8)
                _trim()
            return self._session


def _start(model: OnnxModel, _: object) -> None:
    """Start the session of a model that has been loaded, so that its first run need not.

    Threads keep the priority of the thread that starts them. So a session with threads of its own
    waits for the first run: a store loads with low priority.
    """
    if torch.get_num_threads() == 1:
        model.start()


def session(content: bytes) -> Any:
    """Start a session of ONNX Runtime.

    Raises
    ------
    ValueError
        The bytes are no ONNX network; or its weights are in other files, which a hostile network
        could choose.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    try:
        _check(content)
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:  # both libraries meet damage with exceptions of all kinds
        raise ValueError(f"no ONNX network, or damaged ({plain(error)})") from None


def _trim() -> None:
    """Give freed memory back to the system: starting a session takes several times its size."""
    with contextlib.suppress(AttributeError, OSError):  # a function of glibc
        ctypes.CDLL(None).malloc_trim(0)


def _check(content: bytes) -> None:
    """Refuse weights in other files."""
    import onnx
    from onnx.external_data_helper import uses_external_data

    network = onnx.load_model_from_string(content)
    if any(uses_external_data(tensor) for tensor in tensors(network)):
        raise ValueError("weights in other files")


def tensors(message: Any) -> Iterator[Any]:
    """Yield all tensors of an ONNX message: those of graphs within graphs, and constants, too."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from tensors(part)


def arrays(names: Sequence[str], x: Any) -> dict[str, Any]:
    """Return an input as ONNX Runtime takes it: arrays by the names of the network's inputs."""
    call = Call.of(x)
    given = {**dict(zip(names, call.args, strict=False)), **call.kwargs}
    return {name: _array(value) for name, value in given.items()}


def _array(x: Any) -> Any:
    return x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x
