"""Fields of Subscription. Each says what changed and from where to resume."""

import strawberry

from app.subscriptions import artifacts, events, tasks, work, workers


@strawberry.type(
    description="What can be watched. Every one takes `after`, the last cursor you saw, and goes on from there: "
    "nothing is missed and nothing comes twice."
)
class Subscription(
    events.Subscription, work.Subscription, workers.Subscription, tasks.Subscription, artifacts.Subscription
):
    """All subscriptions."""
