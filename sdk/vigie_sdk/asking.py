"""What a request asks, and what is asked besides: the usage at the end of a stream."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from vigie_sdk.calls import Call

if TYPE_CHECKING:
    from vigie_sdk.tracking import Tracker

TELLS_WHEN_ASKED: Final = frozenset({"/chat/completions", "/completions"})
RAW: Final = "x-stainless-raw-response"
"""The header by which `with_raw_response` ("true") and `with_streaming_response` ("stream") ask for another result."""
REFUSED: Final = frozenset({400, 422})


class Asked:
    """A request that is about to be sent, and its call. `hide_usage`: its caller does not expect to be told of it."""

    def __init__(self, options: Any, call: Call, body: Mapping[str, Any], asking: "Asking") -> None:
        self.call = call
        self.streamed = bool(body.get("stream"))
        self.hide_usage = False
        self._options = options
        self._asking = asking
        self._as_it_was = (options.json_data, options.extra_json)

    def ask_for_usage(self, body: Mapping[str, Any]) -> None:
        """Has the end of the stream tell of usage, where the caller did not ask for it."""
        wishes = body.get("stream_options") or {}
        if not wishes.get("include_usage"):
            self.hide_usage = True
            self._options.json_data = {**body, "stream_options": {**wishes, "include_usage": True}}
            self._options.extra_json = None

    def was_too_much(self, error: Exception) -> bool:
        """Whether a server refused what was asked besides; then it is taken back, here and from now on."""
        if not self.hide_usage or getattr(error, "status_code", None) not in REFUSED:
            return False
        if "stream_options" not in str(error) and "include_usage" not in str(error):
            return False
        self._options.json_data, self._options.extra_json = self._as_it_was
        self.hide_usage = self._asking.for_usage = False
        return True


class Asking:
    """How the servers of one client are asked. `for_usage`: they have not refused to tell it yet."""

    def __init__(self) -> None:
        self.for_usage = True

    def of(self, tracker: "Tracker", arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Asked | None:
        """The request in the arguments of a client's `request`; None when it is no call of a model."""
        options = named["options"] if "options" in named else arguments[1]
        if options.method.lower() != "post" or not isinstance(options.json_data, Mapping):
            return None
        body = {**options.json_data, **(options.extra_json or {})}
        call = tracker.begin(options.url, body)
        if call is None:
            return None
        asked = Asked(options, call, body, self)
        if self.for_usage and asked.streamed and options.url in TELLS_WHEN_ASKED and _raw(options) != "stream":
            asked.ask_for_usage(body)
        if callable(options.post_parser):
            options.post_parser = _noting(options.post_parser, call)
        return asked


def _noting(parse: Any, call: Call) -> Any:
    """The caller's parser, which may fail: what the answer says of usage is taken before."""

    def post_parser(answer: Any) -> Any:
        call.note(answer)
        return parse(answer)

    return post_parser


def _raw(options: Any) -> str | None:
    headers = options.headers if isinstance(options.headers, Mapping) else {}
    return next((value for name, value in headers.items() if name.lower() == RAW), None)
