"""What leaves: signed as Standard Webhooks says, a CloudEvents body of ids and names, the same bytes every time."""

from __future__ import annotations

import json

import pytest

from orchestra.delivery import signatures
from orchestra.edge.secrets import Secret
from orchestra.errors import Invalid
from tests import factories
from tests.delivery.conftest import VARIABLE, Post
from tests.delivery.receiver import NEXT_SECRET, SECRET, verifier


def test_signature_is_the_one_of_the_standard() -> None:
    keys = signatures.keys(Secret(SECRET))
    signature = signatures.sign(
        keys, message="msg_p5jXN8AQM9LWM0D4loKWxJek", moment=1614265330, body=b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("text", ["", "hello-world", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", SECRET[6:]])
def test_secret_that_protects_nothing_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        signatures.keys(Secret(text))
    assert not text or text == "whsec_" or text not in caught.value.message


def test_receiver_verifies_what_came_with_the_function_of_the_documents(post: Post) -> None:
    post.end()
    post.round()
    (got,) = post.receiver.got
    verifier()(SECRET, got.headers, got.body)
    assert (got.path, got.headers["content-type"].partition(";")[0]) == (
        "/hook?from=orchestra",
        "application/cloudevents+json",
    )
    for changed in (got.body + b" ", got.body.replace(b"succeeded", b"cancelled")):
        with pytest.raises(ValueError, match="No signature fits"):
            verifier()(SECRET, got.headers, changed)
    with pytest.raises(ValueError, match="too old"):
        verifier()(SECRET, {**got.headers, "webhook-timestamp": "1614265330"}, got.body)


def test_while_a_secret_is_changed_both_verify(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{NEXT_SECRET} {SECRET}")
    post.end()
    post.round()
    (got,) = post.receiver.got
    for secret in (SECRET, NEXT_SECRET):
        verifier()(secret, got.headers, got.body)


def test_body_is_a_cloud_event_of_ids_and_names(post: Post) -> None:
    task = factories.task(
        post.deployment,
        reference="R-7",
        subject="a secret subject",
        payload={"note": "canary"},
        labels={"a": "canary"},
    )
    message = post.end(task, state="failed", error="canary: the agent said so", output={"x": "canary"})
    post.round()
    event = json.loads(post.receiver.got[0].body)
    assert event == {
        "specversion": "1.0",
        "id": str(message.uid),
        "type": "orchestra.run.failed",
        "source": f"/deployments/{post.deployment.uid}",
        "subject": f"/runs/{message.run.uid}/" if message.run else "",
        "time": event["time"],
        "datacontenttype": "application/json",
        "data": {
            "run": str(message.run.uid) if message.run else "",
            "task": str(task.uid),
            "reference": "R-7",
            "workflow": post.deployment.workflow.name,
            "environment": "dev",
            "failure_class": "bug",
        },
    }


def test_same_message_has_the_same_id_and_bytes_however_often_it_is_sent(post: Post) -> None:
    message = post.end()
    post.receiver.answers = [500, 500, 204]
    for _ in range(3):
        post.round()
        post.hurry()
    assert post.receiver.ids == [str(message.uid)] * 3
    assert len({got.body for got in post.receiver.got}) == 1
    for got in post.receiver.got:
        verifier()(SECRET, got.headers, got.body)
