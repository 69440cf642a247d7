"""A delivery that fails is tried again, later and later, and given up in the end; what came of it can be read."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.test import override_settings

from orchestra.delivery import outbox, pauses
from orchestra.delivery.postman import Postman
from orchestra.models import WebhookDelivery
from tests import factories
from tests.delivery.conftest import VARIABLE, Post
from tests.waiting import until


def last(post: Post) -> WebhookDelivery:
    """The delivery after one more round."""
    post.round()
    return post.delivery()


def test_delivery_arrives_and_is_not_sent_again(post: Post) -> None:
    post.end()
    delivery = last(post)
    assert (delivery.last_status, delivery.last_error, delivery.attempts) == (204, "", 1)
    assert delivery.delivered_at is not None
    assert post.round() == []
    assert len(post.receiver.got) == 1


def test_answer_500_is_tried_again_after_a_pause(post: Post) -> None:
    post.receiver.answers = [500, 204]
    post.end()
    delivery = last(post)
    assert (delivery.last_status, delivery.last_error, delivery.delivered_at) == (
        500,
        "It answered 500.",
        None,
    )
    assert delivery.due_at > factories.now(1)
    assert post.round() == []  # not yet
    post.hurry()
    delivery = last(post)
    assert (delivery.last_status, delivery.attempts, delivery.last_error) == (204, 2, "")
    assert delivery.delivered_at is not None


@override_settings(WEBHOOK_TIMEOUT=0.3)
def test_receiver_that_does_not_answer_in_time_is_tried_again(post: Post) -> None:
    answered = threading.Event()
    post.receiver.before = lambda: answered.wait(10)
    post.end()
    delivery = last(post)
    answered.set()
    assert (delivery.last_status, delivery.delivered_at) == (None, None)
    assert delivery.last_error
    post.hurry()
    assert last(post).delivered_at is not None


def test_redirect_is_not_followed(post: Post) -> None:
    post.receiver.answers = [302]
    post.receiver.headers = {"Location": post.receiver.url}
    post.end()
    delivery = last(post)
    assert "redirects are not followed" in delivery.last_error
    assert (len(post.receiver.got), delivery.delivered_at) == (1, None)


def test_words_of_the_receiver_are_not_kept(post: Post) -> None:
    post.receiver.answers = [500]
    post.receiver.body = b"canary of the receiver"
    post.receiver.headers = {"X-Canary": "canary of the receiver"}
    post.end()
    assert "canary" not in str(vars(last(post)))


def test_reply_larger_than_the_cap_is_a_failure(post: Post) -> None:
    post.receiver.answers = [200]
    post.receiver.body = b"x" * 70_000
    post.end()
    assert "larger than the cap" in last(post).last_error


def test_receiver_that_asks_for_time_gets_it(post: Post) -> None:
    post.receiver.answers = [429]
    post.receiver.headers = {"Retry-After": "900"}
    post.end()
    assert last(post).due_at > factories.now(800)


def test_after_the_last_try_it_is_given_up(post: Post) -> None:
    post.receiver.answers = [503]
    post.end()
    for _ in range(pauses.MOST_ATTEMPTS):
        post.round()
        post.hurry()
    delivery = post.delivery()
    assert (delivery.attempts, delivery.delivered_at) == (pauses.MOST_ATTEMPTS, None)
    assert delivery.given_up_at is not None
    assert post.round() == []


def exhausted(post: Post) -> None:
    """The one delivery comes to its last try, which fails too."""
    outbox.pass_on()
    waiting = WebhookDelivery.objects.filter(delivered_at__isnull=True)
    waiting.update(attempts=pauses.MOST_ATTEMPTS - 1, due_at=factories.now(-1))
    post.round()


def test_receiver_that_takes_nothing_for_three_days_is_told_nothing_more(post: Post) -> None:
    post.receiver.answers = [204]
    post.end()
    post.round()
    WebhookDelivery.objects.update(delivered_at=factories.now() - timedelta(days=4))
    post.receiver.answers = [503]
    post.end()
    exhausted(post)
    post.hook.refresh_from_db()
    assert not post.hook.active
    post.end()
    post.round()
    assert WebhookDelivery.objects.count() == 2
    post.hook.active = True
    post.hook.save()
    post.end()
    assert post.round() != []


def test_what_waits_for_a_dead_receiver_is_given_up_with_the_reason(post: Post) -> None:
    post.receiver.answers = [503]
    post.end()
    post.round()
    [first] = WebhookDelivery.objects.all()
    post.end()
    outbox.pass_on()
    WebhookDelivery.objects.exclude(pk=first.pk).update(due_at=factories.now(3600))
    WebhookDelivery.objects.filter(pk=first.pk).update(
        attempts=pauses.MOST_ATTEMPTS - 1, due_at=factories.now(-1)
    )
    post.round()
    other = WebhookDelivery.objects.exclude(pk=first.pk).get()
    assert other.given_up_at is not None
    assert "three days" in other.last_error


def test_receiver_that_took_something_lately_stays(post: Post) -> None:
    post.receiver.answers = [204]
    post.end()
    post.round()
    post.receiver.answers = [503]
    post.end()
    exhausted(post)
    post.hook.refresh_from_db()
    assert post.hook.active
    assert WebhookDelivery.objects.filter(given_up_at__isnull=False).count() == 1


def test_receiver_that_answers_410_is_told_nothing_more(post: Post) -> None:
    other = post.add(deployment=post.deployment, url=post.receiver.url)
    post.receiver.answers = [500]
    post.end()
    post.round()
    post.receiver.answers = [410, 204]
    WebhookDelivery.objects.filter(webhook=post.hook).update(due_at=factories.now(-1))
    post.end()
    WebhookDelivery.objects.filter(webhook=other).update(due_at=factories.now(3600))
    post.round()
    post.hook.refresh_from_db()
    ends = WebhookDelivery.objects.filter(webhook=post.hook)
    assert (post.hook.active, ends.filter(given_up_at__isnull=True, delivered_at__isnull=True).count()) == (
        False,
        0,
    )
    assert any("410" in delivery.last_error for delivery in ends)
    post.end()
    post.round()
    assert ends.count() == 2
    other.refresh_from_db()
    assert other.active


def test_webhook_that_is_switched_off_keeps_what_waits_for_three_days(post: Post) -> None:
    post.receiver.answers = [500, 204]
    post.end()
    post.round()
    post.hook.active = False
    post.hook.save()
    post.hurry()
    assert post.round() == []
    WebhookDelivery.objects.update(due_at=factories.now() - timedelta(days=4))
    post.round()
    assert (post.delivery().given_up_at is not None, "switched off" in post.delivery().last_error) == (
        True,
        True,
    )


def test_sending_that_cannot_begin_is_made_later(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = threading.Thread.start
    refused: list[threading.Thread] = []

    def start(self: threading.Thread) -> None:
        if self.name == "delivery" and not refused:
            refused.append(self)
            raise RuntimeError("can't start new thread")
        begin(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    post.end()
    postman = Postman()
    postman.start()
    try:
        until(lambda: refused, what="a thread that cannot begin")
        post.hurry()
        until(lambda: post.delivery().delivered_at is not None, what="the delivery by another round")
    finally:
        postman.stop()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://127.0.0.1/hook", "ORCHESTRA_WEBHOOK_ALLOW"),
        ("https://[::1]/hook", "ORCHESTRA_WEBHOOK_ALLOW"),
        ("https://169.254.169.254/latest/meta-data", "no rule can open it"),
        ("https://metadata.google.internal/", "metadata"),
        ("https://10.0.0.8/hook", "ORCHESTRA_WEBHOOK_ALLOW"),
        ("https://example.com:22/hook", "Port 22"),
        ("https://user:pass@example.com/", "user name"),
        ("https://2130706433/", "unusual"),
        ("ftp://example.com/", "https://"),
        ("https://example.com/#part", "#"),
        ("https://example.com/a b", "ASCII"),
    ],
)
def test_address_inside_is_never_called(post: Post, url: str, said: str) -> None:
    post.hook.url = url
    post.hook.save()
    post.end()
    delivery = last(post)
    assert (delivery.last_status, delivery.delivered_at) == (None, None)
    assert delivery.last_error.startswith("Not sent.")
    assert said in delivery.last_error
    assert "binding" not in delivery.last_error
    assert post.receiver.got == []


def test_missing_secret_is_told_and_nothing_is_sent(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    post.end()
    delivery = last(post)
    assert f"env:{VARIABLE}" in delivery.last_error
    assert post.receiver.got == []


def test_pauses_grow_with_full_jitter_for_about_three_days() -> None:
    longest = [pauses.longest(attempt) for attempt in range(1, pauses.MOST_ATTEMPTS)]
    assert longest == sorted(longest)
    assert 2.5 <= sum(longest) / 2 / 86400 <= 3.5
    assert [pauses.after(3, chance) for chance in (0.0, 0.5)] == [0.0, 80.0]
    assert pauses.after(pauses.MOST_ATTEMPTS, 0.5) is None
    assert pauses.after(1, 0.0, asked=1e9) == 3600.0
