"""`vigie demo`: believable traffic for a newcomer who has none yet."""

import datetime as dt
import itertools
import time
from typing import Annotated

import typer

from vigie.cli.output import errors
from vigie.cli.sending import KeyOption, UrlOption, bar, connected, finish, interruptible
from vigie.demo import traffic
from vigie.replay.delivery import Delivery
from vigie.settings import load_settings


def demo(
    days: Annotated[int, typer.Option(min=1, max=365, help="How many days back the traffic begins.")] = 7,
    live: Annotated[bool, typer.Option("--live", help="Go on as time passes, until Ctrl-C.")] = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Send the traffic of an imaginary shop to a running Vigie: models, customers, routes, busy evenings, an outage.

    The same hour always has the same traffic: run it as often as you like, nothing is stored twice.
    """
    settings = load_settings()
    now = dt.datetime.now(dt.UTC)
    start = now - dt.timedelta(days=days)
    with interruptible(), connected(settings, url, key) as sender:
        delivery = Delivery(sender)
        events = traffic(start)
        with bar(f"{days} days → {sender.url}", delivery.tally) as progress:
            task = progress.add_task("sending", total=(now - start).total_seconds())
            for number, event in events:
                if event["time"] > now:
                    events = itertools.chain([(number, event)], events)
                    break
                if delivery.put(number, event):
                    progress.update(task, completed=(event["time"] - start).total_seconds())
            delivery.flush()
            progress.update(task, completed=(now - start).total_seconds())
        finish(delivery.tally)
        if live:
            errors.print("Live now. Ctrl-C ends it.")
            for number, event in events:
                _wait_until(event["time"], delivery)
                delivery.put(number, event)


def _wait_until(moment: dt.datetime, delivery: Delivery) -> None:
    """Sleeps until an event has happened; what came before it is sent first."""
    early = (moment - dt.datetime.now(dt.UTC)).total_seconds()
    if early > 0:
        delivery.flush()
        time.sleep(early)
