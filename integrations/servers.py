"""The servers that Vigie itself leans on, asked whether they answer. Each raises what stands in the way."""

import httpx2
from redis.asyncio import Redis


async def ping_redis(url: str, *, seconds: float) -> None:
    """Returns when Redis answers."""
    redis = Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)
    async with redis:
        await redis.ping()


async def list_openai_models(base_url: str, api_key: str, *, seconds: float) -> int:
    """Asks OpenAI for its models, which costs nothing; answers the status code."""
    async with httpx2.AsyncClient(timeout=seconds) as client:
        answer = await client.get(f"{base_url.rstrip('/')}/models", headers={"Authorization": f"Bearer {api_key}"})
    return answer.status_code
