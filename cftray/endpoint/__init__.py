"""Models behind OpenAI-compatible endpoints: asked concurrently, within limits, and paid for once.

    endpoint = open_endpoint("judge", os.environ)               # named by the operator, never by a spec
    budget = Budget(limits, endpoint.settings.price, folder / "spent.jsonl")
    for result in endpoint.complete(requests, answers=AnswerFolder(folder), budget=budget):
        ...                                                     # an Answer or a Failure each, in order

An answer is written to its folder before it is given out, under a digest of what was asked: work that is
killed asks again only for what was on its way. A row that can't be answered is a Failure; an endpoint that
can't be used at all is an error.
"""

from cftray.endpoint.answers import AnswerFolder
from cftray.endpoint.budget import Budget, Spent
from cftray.endpoint.catalogue import Endpoints, EndpointSettings, Price, endpoint_faults, read_endpoints
from cftray.endpoint.chat import EndpointChat
from cftray.endpoint.endpoint import Endpoint, open_endpoint
from cftray.endpoint.messages import Answer, ChatRequest, Failure, Message, Reason
from cftray.endpoint.retries import Retries

__all__ = [
    "Answer",
    "AnswerFolder",
    "Budget",
    "ChatRequest",
    "Endpoint",
    "EndpointChat",
    "EndpointSettings",
    "Endpoints",
    "Failure",
    "Message",
    "Price",
    "Reason",
    "Retries",
    "Spent",
    "endpoint_faults",
    "open_endpoint",
    "read_endpoints",
]
