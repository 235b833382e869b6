"""Django, with no more of it than is needed; a synchronous view, since that is the faster one."""

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

settings.configure(
    DEBUG=False,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    INSTALLED_APPS=[
        "django.contrib.contenttypes",  # without it, the optimizer tries to import it for each field of each request
        "strawberry_django",
        "bench.graphql.peers.strawberry_django.apps.Peer",
    ],
    USE_TZ=True,
    SECRET_KEY="of measurements",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ["PGHOST"],
            "PORT": os.environ["PGPORT"],
            "USER": os.environ["PGUSER"],
            "NAME": os.environ["PGDATABASE"],
            "CONN_MAX_AGE": None,
        }
    },
)
django.setup()

from strawberry.django.views import GraphQLView  # noqa: E402  Django has to be set up before

from bench.graphql.peers.strawberry_django.schema import schema  # noqa: E402

urlpatterns = [path("graphql", GraphQLView.as_view(schema=schema, graphql_ide=None))]
application = get_wsgi_application()
