"""The actors that the settings name, for commands that send to them."""


def import_actors() -> None:
    """Import the modules of TASK_MODULES: an actor's options say how its tasks are kept, logged and sent."""
    from app.settings import load_settings
    from app.tasks.loading import load_modules

    load_modules(load_settings().task_modules)
