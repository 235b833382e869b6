"""Django finds the relations between models only when these are of an application that is installed."""

from django.apps import AppConfig


class Peer(AppConfig):
    name = "bench.graphql.peers.strawberry_django"
    label = "strawberry_django_peer"
