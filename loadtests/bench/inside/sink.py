"""`python -m inside.sink`: takes spans by OTLP (HTTP and gRPC) and error events, and tells which requests they name.

It answers at once and reads what it took only when asked, so that it costs the measured process nothing.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_TAKEN: list[bytes] = []
_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/v1/traces":
            _TAKEN.append(body)
        self._answer(b"")

    def do_GET(self) -> None:
        """Tell the request ids of all spans, and forget them."""
        bodies = [_TAKEN.pop(0) for _ in range(len(_TAKEN))]
        self._answer(json.dumps(_request_ids(bodies)).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Grpc(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if details.method != _METHOD:
            return None
        return grpc.unary_unary_rpc_method_handler(_take)


def _take(body: bytes, _context: grpc.ServicerContext) -> bytes:
    _TAKEN.append(body)
    return b""


def _request_ids(bodies: list[bytes]) -> list[str]:
    ids = []
    for body in bodies:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    ids += [a.value.string_value for a in span.attributes if a.key == "request_id"]
    return ids


def main() -> None:
    """Take until killed."""
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers((_Grpc(),))
    server.add_insecure_port("127.0.0.1:4317")
    server.start()
    listener = ThreadingHTTPServer(("127.0.0.1", 4318), _Http)
    sys.stderr.write("")
    listener.serve_forever()


if __name__ == "__main__":
    main()
