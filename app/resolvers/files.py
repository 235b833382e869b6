"""Where files are kept."""

import strawberry

from app import models
from app.graphql.connections import ConnectionOf, connection
from app.schema.files import FileStoreFilter, FileStoreOrder


@strawberry.type
class Query:
    """File stores."""

    file_stores = connection(
        "FileStore",
        "The places where files are kept. For the signed-in.",
        ConnectionOf(
            models.FileStore,
            filters=FileStoreFilter,
            orders=FileStoreOrder,
            default_order=(("name", False),),
        ),
    )
