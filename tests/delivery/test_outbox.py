"""Who is told of what: the webhooks of a system for its tasks, those of a deployment for all in it, people for theirs."""

from __future__ import annotations

import pytest

from orchestra.delivery import outbox
from orchestra.models import OutboxMessage, WebhookDelivery
from tests import factories
from tests.delivery.conftest import Post, notices


def told(post: Post) -> set[str]:
    """The names of the webhooks that got a delivery, after passing on."""
    outbox.pass_on()
    return set(WebhookDelivery.objects.values_list("webhook__name", flat=True))


def test_webhook_of_a_system_hears_of_its_tasks_alone(post: Post) -> None:
    service = factories.service()
    mine = post.add(service=service)
    post.add(service=factories.service())
    post.end(factories.task(post.deployment, service=service))
    assert told(post) == {post.hook.name, mine.name}


def test_webhook_of_a_deployment_hears_of_all_in_it_and_of_nothing_else(post: Post) -> None:
    post.end()
    post.end(factories.task(post.deployment, service=factories.service()))
    post.end(factories.task(factories.deployment()))
    assert told(post) == {post.hook.name}
    assert WebhookDelivery.objects.count() == 2


@pytest.mark.parametrize(("topics", "heard"), [([], 1), (["run.succeeded"], 1), (["run.failed"], 0)])
def test_webhook_hears_of_its_topics(post: Post, topics: list[str], heard: int) -> None:
    post.hook.topics = topics
    post.hook.save()
    post.end()
    told(post)
    assert WebhookDelivery.objects.count() == heard


def test_webhook_that_is_off_and_system_that_is_not_active_hear_nothing(post: Post) -> None:
    service = factories.service(active=False)
    post.add(service=service)
    post.add(deployment=post.deployment, active=False)
    post.end(factories.task(post.deployment, service=service))
    assert told(post) == {post.hook.name}


def test_person_whose_task_has_ended_gets_a_notice(post: Post) -> None:
    rita = factories.person("rita")
    post.end(factories.task(post.deployment, requester=rita), state="cancelled")
    outbox.pass_on()
    assert notices() == [("rita", "run.cancelled")]


def test_message_is_passed_on_once_however_often_and_also_when_nobody_is_told(post: Post) -> None:
    post.end(factories.task(factories.deployment(), service=factories.service()))
    post.end()
    assert [outbox.pass_on(), outbox.pass_on()] == [2, 0]
    assert OutboxMessage.objects.filter(delivered_at__isnull=True).count() == 0
    assert WebhookDelivery.objects.count() == 1
