"""The queues of the broker: what takes seconds does not stand behind what takes minutes.

A worker that names none takes from both by turns. Where two workers run, the one for short jobs loads no classifier.
"""

from __future__ import annotations

from kombu.entity import Exchange, Queue

# Celery's own default, so that what an older version left in the broker goes to a worker that has the classifiers.
ANALYSES = "celery"
SHORT = "short"
# With an exchange for each: of queues that share one and its key, each gets every message.
QUEUES = [
    Queue(name, Exchange(name), routing_key=name)  # type: ignore[no-untyped-call]
    for name in (ANALYSES, SHORT)
]
ROUTES = {
    f"diagnosis.tasks.{task}": {"queue": ANALYSES}
    for task in ("run_analysis", "answer_ahead", "ask_those_on_trial", "draw_attention")
}
