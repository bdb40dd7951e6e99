"""A program as users have it: the openai client and a Starlette app, instrumented by what others publish.

Where the spans go, OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS say, and OPENAI_BASE_URL where the
models are.
"""

from contextlib import suppress
from itertools import islice

import openai
from openai.types.chat import ChatCompletionMessageParam
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as OpenTelemetry
from opentelemetry.instrumentation.starlette import StarletteInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "the secret of the prompt"}]
USAGE = "+input=1000+output=60+cached=800+reasoning=20"


def call_models() -> None:
    """One call of each sort: plain, streamed, failed, aborted, forgotten, by the responses API, embeddings."""
    client = openai.OpenAI(api_key="sk-any", max_retries=0)
    create = client.chat.completions.create
    create(model=f"plain{USAGE}", messages=ASKED)
    list(create(model=f"streamed{USAGE}", messages=ASKED, stream=True, stream_options={"include_usage": True}))
    with suppress(openai.RateLimitError):
        create(model="failed+fail=429", messages=ASKED)
    with create(model="aborted+endless", messages=ASKED, stream=True) as stream:
        list(islice(stream, 3))
    next(create(model="forgotten+endless", messages=ASKED, stream=True))
    client.responses.create(model=f"responses{USAGE}", input="the secret of the prompt")
    client.embeddings.create(model="embeddings+input=8", input="the secret of the prompt")


def node(request: Request) -> JSONResponse:
    return JSONResponse({"key": request.path_params["key"]})


def fail(_: Request) -> JSONResponse:
    raise RuntimeError("as wanted")


def main() -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    for instrumentor in (OpenTelemetry(), OpenInference()):
        instrumentor.instrument(tracer_provider=provider)
        call_models()
        instrumentor.uninstrument()
    app = Starlette(routes=[Route("/nodes/{key}", node), Route("/fail", fail)])
    StarletteInstrumentor.instrument_app(app, tracer_provider=provider)
    served = TestClient(app, raise_server_exceptions=False)
    for path in ("/nodes/one?token=secret", "/nodes/two", "/fail", "/nowhere?token=secret"):
        served.get(path)
    provider.shutdown()


if __name__ == "__main__":
    main()
