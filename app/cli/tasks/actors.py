"""The actors that the settings name, for commands that send to them."""


def import_actors() -> None:
    """Import the modules that declare actors: an actor's options say how its tasks are kept, logged and sent."""
    from app.chores import load_actors
    from app.settings import load_settings

    load_actors(load_settings())
