"""The site for a WSGI server, as granian runs it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestra.settings")
application = get_wsgi_application()
