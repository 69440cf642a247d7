"""The addresses that machines ask: /healthz, /readyz, /metrics. They answer reads only, without signing in."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import asdict

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orchestra.metrics import exposition, readiness

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process is up. Asks nobody else, so that a dead database does not get the web restarted."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 when nothing failed, else 503; the body names each check and what to do."""
    found = readiness.recent.get()
    body = {
        "ready": found.ready,
        "checks": [{"ok": check.level is readiness.Level.OK, **asdict(check)} for check in found.checks],
    }
    return JsonResponse(body, status=200 if found.ready else 503, json_dumps_params={"indent": 2})


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for this machine itself or with the bearer METRICS_TOKEN; to others it does not exist."""
    if not (_has_token(request) or _is_this_machine(request)):
        raise Http404
    return HttpResponse(exposition.page(), content_type=exposition.CONTENT_TYPE)


def _has_token(request: HttpRequest) -> bool:
    wanted = settings.METRICS_TOKEN
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return (
        bool(wanted) and kind.lower() == "bearer" and secrets.compare_digest(given.encode(), wanted.encode())
    )


def _is_this_machine(request: HttpRequest) -> bool:
    """Behind a proxy every request comes from this machine, so then the address proves nothing."""
    proxied = getattr(settings, "SECURE_PROXY_SSL_HEADER", None) is not None
    if proxied or any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
