"""The server over HTTP: the protocol, bounds, errors, and a real client against a real port."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from needs import require
from servers import LONG, SOON, Gate, serve

import alert

require("starlette", "httpx2", "prometheus_client")

from starlette.testclient import TestClient  # noqa: E402

from alert.serving.http import app  # noqa: E402

INFER = "/v2/models/camera/infer"


def tensor(data: Any, name: str = "x", datatype: str = "FP32") -> dict[str, Any]:
    return {"name": name, "shape": list(np.shape(data)), "datatype": datatype, "data": data}


@contextmanager
def client(model: Any = lambda x: x, **options: Any) -> Iterator[TestClient]:
    server = serve(model)
    server.tenant("camera", max_latency=LONG)
    with TestClient(app(server, **options), raise_server_exceptions=False) as made:
        yield made
    assert server.closed


def test_answers_json_with_json() -> None:
    with client(lambda x: x + 1.0) as http:
        body = {"id": "7", "inputs": [tensor([[1.0, 2.0]])]}
        reply = http.post(INFER, json=body)
        assert reply.status_code == 200, reply.text
        assert reply.json() == {
            "model_name": "camera",
            "model_version": "1",
            "id": "7",
            "parameters": {"model": "net", "power_cap": 20.0},
            "outputs": [
                {"name": "output", "shape": [1, 2], "datatype": "FP32", "data": [2.0, 3.0]}
            ],
        }


def test_raw_tensors_follow_the_json_both_ways() -> None:
    array = np.arange(6, dtype="<i8").reshape(2, 3)
    head = {
        "parameters": {"binary_data_output": True},
        "inputs": [
            {
                "name": "x",
                "shape": [2, 3],
                "datatype": "INT64",
                "parameters": {"binary_data_size": array.nbytes},
            }
        ],
    }
    text = json.dumps(head).encode()
    with client(lambda x: 2 * x) as http:
        reply = http.post(
            INFER,
            content=text + array.tobytes(),
            headers={"Inference-Header-Content-Length": str(len(text))},
        )
        assert reply.status_code == 200, reply.text
        length = int(reply.headers["Inference-Header-Content-Length"])
        [output] = json.loads(reply.content[:length])["outputs"]
        assert output["parameters"] == {"binary_data_size": array.nbytes}
        found = np.frombuffer(reply.content[length:], "<i8").reshape(output["shape"])
        assert (found == 2 * array).all()


def test_what_json_has_no_number_for_is_null_and_stays_as_it_is_in_raw_tensors() -> None:
    found = np.array([1.0, np.nan, np.inf, -np.inf], "<f4")

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    with client(lambda x: found) as http:
        reply = http.post(INFER, json={"inputs": [tensor([1.0])]})
        [output] = json.loads(reply.text, parse_constant=refuse)["outputs"]
        assert output["data"] == [1.0, None, None, None]
        body = {"inputs": [tensor([1.0])], "parameters": {"binary_data_output": True}}
        assert http.post(INFER, json=body).content.endswith(found.tobytes())


@pytest.mark.parametrize("data", [[2**64], [[2**70, -1], [0.5, 3]]])
def test_integers_of_any_length_are_numbers(data: Any) -> None:
    with client() as http:
        reply = http.post(INFER, json={"inputs": [tensor(data, datatype="FP64")]})
        [output] = reply.json()["outputs"]
        assert output["data"] == np.array(data, float).ravel().tolist()


def test_several_tensors_are_arguments_by_name_and_several_outputs_have_names() -> None:
    with client(lambda a, b: {"sum": a + b, "scores": [1, 2]}) as http:
        body = {"inputs": [tensor([1, 2], "a", "INT32"), tensor([3, 4], "b", "INT32")]}
        outputs = http.post(INFER, json=body).json()["outputs"]
        assert [(each["name"], each["data"]) for each in outputs] == [
            ("sum", [4, 6]),
            ("scores", [1, 2]),
        ]


def test_says_what_it_is_and_which_tenants_it_has() -> None:
    with client() as http:
        assert http.get("/v2").json()["version"] == alert.__version__
        assert http.get("/v2/models/camera").json()["name"] == "camera"
        for path in ("/healthz", "/v2/health/live", "/v2/health/ready", "/v2/models/camera/ready"):
            assert http.get(path).status_code == 200
        for path in ("/v2/models/dog", "/v2/models/dog/ready"):
            reply = http.get(path)
            assert reply.status_code == 404
            assert reply.json() == {"error": "tenant: expected one of camera, got 'dog'"}


def test_what_is_not_there_is_told_in_json_as_clients_expect() -> None:
    with client() as http:
        reply = http.get("/v2/models/camera/config")
        assert reply.status_code == 404
        assert reply.json() == {"error": "GET /v2/models/camera/config: Not Found"}
        reply = http.get(INFER)
        assert reply.status_code == 405
        assert reply.json() == {"error": f"GET {INFER}: Method Not Allowed"}
        assert reply.headers["Allow"] == "POST"


def test_a_bound_of_one_request_is_a_header_and_overload_is_429() -> None:
    gate = Gate()
    with client(gate) as http:
        body = {"inputs": [tensor([1.0])]}
        runs = threading.Thread(target=http.post, args=(INFER,), kwargs={"json": body})
        runs.start()
        gate.wait_for_call()
        reply = http.post(INFER, json=body, headers={"Alert-Max-Latency": "0.01"})
        assert reply.status_code == 429
        assert int(reply.headers["Retry-After"]) >= 1
        assert "overloaded" in reply.json()["error"]
        gate.open.set()
        runs.join(SOON)


def test_an_exception_of_a_model_is_500() -> None:
    def model(x: Any) -> Any:
        raise KeyError("lost")

    with client(model) as http:
        reply = http.post(INFER, json={"inputs": [tensor([1.0])]})
        assert reply.status_code == 500
        assert reply.json() == {"error": "KeyError: 'lost'"}


def test_an_output_that_is_no_array_is_500() -> None:
    with client(lambda x: "cat") as http:
        reply = http.post(INFER, json={"inputs": [tensor([1.0])]})
        assert reply.status_code == 500
        assert "expected arrays of numbers" in reply.json()["error"]


GOOD = tensor([1.0])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "body: expected JSON"),
        (b"\xff\xfe", "body: expected JSON"),
        (b"[1]", "body: expected an object"),
        (b"[" * 100_000, "body: expected JSON"),
        ({}, "inputs: expected a list"),
        ({"inputs": []}, "inputs: expected a list"),
        ({"inputs": [3]}, "inputs[0]: expected an object with a name"),
        ({"inputs": [{**GOOD, "datatype": "BYTES"}]}, "inputs[0].datatype: expected one of"),
        ({"inputs": [{**GOOD, "datatype": ["FP32"]}]}, "inputs[0].datatype: expected one of"),
        ({"inputs": [{**GOOD, "shape": [-1]}]}, "inputs[0].shape: expected"),
        ({"inputs": [{**GOOD, "shape": [True]}]}, "inputs[0].shape: expected"),
        ({"inputs": [{**GOOD, "shape": [2]}]}, "inputs[0].data: expected 2 elements, got 1"),
        ({"inputs": [{**GOOD, "data": None}]}, "inputs[0].data: expected"),
        ({"inputs": [{**GOOD, "data": ["a"]}]}, "inputs[0].data: expected numbers of FP32"),
        ({"inputs": [{**GOOD, "data": [[1.0], [1.0, 2.0]]}]}, "inputs[0].data: expected numbers"),
        ({"inputs": [{**GOOD, "data": ["1.5"]}]}, "inputs[0].data: expected numbers of FP32"),
        ({"inputs": [{**GOOD, "data": 1.5}]}, "inputs[0].data: expected a list"),
        ({"inputs": [{**GOOD, "data": [None]}]}, "inputs[0].data: expected numbers of FP32"),
        ({"inputs": [{**GOOD, "data": [1e39]}]}, "inputs[0].data: expected numbers of FP32"),
        ({"inputs": [{**GOOD, "datatype": "FP16", "data": [70000]}]}, "numbers of FP16"),
        ({"inputs": [{**GOOD, "datatype": "FP64", "data": [10**400]}]}, "numbers of FP64"),
        ({"inputs": [{**GOOD, "data": [2**64, None]}]}, "inputs[0].data: expected numbers of FP32"),
        ({"inputs": [{**GOOD, "datatype": "UINT64", "data": [2**64]}]}, "numbers of UINT64"),
        ({"inputs": [{**GOOD, "datatype": "INT32", "data": [1.5]}]}, "numbers of INT32"),
        ({"inputs": [{**GOOD, "datatype": "INT32", "data": [1e300]}]}, "numbers of INT32"),
        ({"inputs": [{**GOOD, "datatype": "INT8", "data": [300]}]}, "numbers of INT8"),
        ({"inputs": [{**GOOD, "datatype": "UINT8", "data": [-1]}]}, "numbers of UINT8"),
        ({"inputs": [{**GOOD, "datatype": "BOOL", "data": ["a"]}]}, "numbers of BOOL"),
        ({"inputs": [{**GOOD, "shape": [0, 10**30], "data": []}]}, "inputs[0].shape: "),
        ({"inputs": [GOOD, GOOD]}, "inputs[1].name: expected a new name"),
        ({"inputs": [{**GOOD, "parameters": 3}]}, "inputs[0].parameters: expected an object"),
        (
            {"inputs": [{**GOOD, "parameters": {"binary_data_size": 4}}]},
            "inputs[0]: expected 4 raw bytes, got 4, of which 0 came",
        ),
        (
            {"inputs": [{**GOOD, "parameters": {"binary_data_size": -4}}]},
            "inputs[0]: expected 4 raw bytes",
        ),
        ({"inputs": [GOOD], "outputs": 3}, "outputs: expected a list of objects"),
        ({"inputs": [{**GOOD, "shape": [1 << 62, 4]}]}, "inputs[0].data: expected"),
    ],
)
def test_malformed_requests_are_400_and_name_the_field(body: Any, said: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with client() as http:
        reply = http.post(INFER, content=content)
        assert reply.status_code == 400
        assert said in reply.json()["error"]
        assert http.post(INFER, json={"inputs": [GOOD]}).status_code == 200


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 30, "9" * 5000, "x"])
def test_a_bad_length_of_the_json_is_400(length: str) -> None:
    with client() as http:
        headers = {"Inference-Header-Content-Length": length}
        reply = http.post(INFER, json={"inputs": [GOOD]}, headers=headers)
        assert reply.status_code == 400
        assert "Inference-Header-Content-Length: expected" in reply.json()["error"]


def test_numbers_that_the_type_holds_are_taken() -> None:
    cases = (("INT32", [2.0], [2]), ("BOOL", [True], [True]), ("FP32", [1], [1.0]))
    with client() as http:
        for kind, data, out in cases:
            reply = http.post(INFER, json={"inputs": [{**GOOD, "datatype": kind, "data": data}]})
            assert reply.json()["outputs"][0]["data"] == out


def test_tensors_may_have_any_names() -> None:
    with client(lambda **named: named["self"]) as http:
        inputs = [{**GOOD, "name": name} for name in ("self", "args", "max_latency")]
        assert http.post(INFER, json={"inputs": inputs}).status_code == 200


def test_a_server_that_closes_is_503() -> None:
    server = serve()
    server.tenant("camera")
    server.close()
    with TestClient(app(server)) as http:
        reply = http.post(INFER, json={"inputs": [GOOD]})
        assert (reply.status_code, reply.json()) == (503, {"error": "this Server is closed"})


def test_bytes_after_the_last_tensor_are_400() -> None:
    text = json.dumps({"inputs": [GOOD]}).encode()
    with client() as http:
        headers = {"Inference-Header-Content-Length": str(len(text))}
        reply = http.post(INFER, content=text + b"more", headers=headers)
        assert reply.json() == {"error": "body: expected no bytes after the last tensor, got 4"}


@pytest.mark.parametrize("bound", ["soon", "nan", "-1", "0", "inf"])
def test_a_bad_bound_is_400(bound: str) -> None:
    with client() as http:
        headers = {"Alert-Max-Latency": bound}
        reply = http.post(INFER, json={"inputs": [GOOD]}, headers=headers)
        assert reply.status_code == 400
        assert "xpected" in reply.json()["error"]


def test_a_body_that_is_too_long_is_413() -> None:
    with client(most_bytes=1000) as http:
        assert http.post(INFER, content=b" " * 1001).status_code == 413
        assert http.post(INFER, json={"inputs": [GOOD]}).status_code == 200


@pytest.mark.parametrize("length", ["1001", "9" * 5000])
def test_a_body_that_is_said_to_be_too_long_is_not_waited_for(length: str) -> None:
    with client(most_bytes=1000) as http:
        reply = http.post(INFER, content=b"{}", headers={"Content-Length": length})
        assert reply.status_code == 413
        assert reply.json() == {"error": "body: expected at most 1000 bytes"}


def test_a_client_that_goes_away_takes_its_request_back() -> None:
    """By the messages of ASGI, as a server sends them: the second client leaves while it waits."""
    gate = Gate()
    server = serve(gate)
    tenant = server.tenant("camera")
    runs = tenant.submit(1)
    gate.wait_for_call()
    body = json.dumps({"inputs": [GOOD]}).encode()

    async def leave() -> None:
        messages = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]
        scope = {
            "type": "http",
            "method": "POST",
            "path": INFER,
            "raw_path": INFER.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [],
        }

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            pass

        await app(server)(scope, receive, send)

    asyncio.run(leave())
    gate.open.set()
    assert runs.result(SOON) == 1
    server.close()
    [report] = server.report().tenants
    assert (report.answered, report.cancelled) == (1, 1)
    assert gate.seen == [1]


def test_metrics_are_as_prometheus_reads_them() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    with client() as http:
        for _ in range(3):
            http.post(INFER, json={"inputs": [GOOD]})
        text = http.get("/metrics").text
    found = {
        (sample.name, sample.labels.get("tenant"), sample.labels.get("result")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["alert_requests_total", "camera", "in_time"] == 3
    assert found["alert_requests_total", "camera", "refused"] == 0
    assert found["alert_accuracy", "camera", None] == pytest.approx(0.8)
    assert found["alert_waiting", None, None] == 0
    assert found["alert_price_watts", None, None] >= 1


def test_the_client_of_triton_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a real port; the server ends by itself when uvicorn is told to."""
    require("uvicorn", "tritonclient")
    import tritonclient.http as triton
    import uvicorn

    server = serve(lambda a, b: {"sum": a + b, "difference": a - b})
    server.tenant("camera", max_latency=LONG)
    http = uvicorn.Server(uvicorn.Config(app(server), port=0, log_level="warning"))
    ready = threading.Event()
    startup = http.startup

    async def started(*arguments: Any, **options: Any) -> None:
        await startup(*arguments, **options)
        ready.set()

    monkeypatch.setattr(http, "startup", started)
    thread = threading.Thread(target=http.run)
    thread.start()
    assert ready.wait(SOON)
    port = http.servers[0].sockets[0].getsockname()[1]
    try:
        with triton.InferenceServerClient(f"127.0.0.1:{port}") as client:
            assert client.is_server_live()
            assert client.is_model_ready("camera")
            assert client.get_model_metadata("camera")["name"] == "camera"
            a, b = np.eye(2, dtype=np.float32), np.full((2, 2), 3, np.float32)
            for binary in (True, False):
                inputs = []
                for name, array in (("a", a), ("b", b)):
                    each = triton.InferInput(name, list(array.shape), "FP32")
                    inputs.append(each.set_data_from_numpy(array, binary_data=binary))
                wanted = triton.InferRequestedOutput("sum", binary_data=binary)
                result = client.infer("camera", inputs, outputs=[wanted])
                assert (result.as_numpy("sum") == a + b).all()
            result = client.infer("camera", inputs, headers={"Alert-Max-Latency": "60"})
            assert (result.as_numpy("difference") == a - b).all()
            with pytest.raises(triton.InferenceServerException, match="expected one of camera"):
                client.infer("dog", inputs)
    finally:
        http.should_exit = True
        thread.join(SOON)
    assert not thread.is_alive()
    assert server.closed
