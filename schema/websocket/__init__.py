"""GraphQL over WebSocket: the graphql-transport-ws protocol, for queries, mutations and subscriptions.

server.py     the ASGI application: who may connect, and by which protocol
sockets.py    one socket: its messages, its operations, its end
messages.py   what messages look like
"""

from schema.websocket.limits import SocketLimits
from schema.websocket.messages import PROTOCOL
from schema.websocket.server import GraphQLOverWebSocket

__all__ = ["PROTOCOL", "GraphQLOverWebSocket", "SocketLimits"]
