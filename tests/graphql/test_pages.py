"""Pages under many parents at once."""

from app import models
from app.graphql.pages import pages_under, whole_list
from tests.cast import Cast


async def test_short_lists_of_many_parents_come_in_one_statement_each_to_its_own(cast: Cast) -> None:
    first, second = await cast.request(), await cast.request()
    both = await cast.request(dependency_ids=[first.id, second.id])
    one = await cast.request(dependency_ids=[second.id])
    visible = models.WorkRequest.visible_to(await cast.bob.viewer())

    pages = await pages_under(
        models.WorkRequest,
        "dependants__id",
        [both.id, one.id, first.id],
        visible,
        whole_list(models.WorkRequest, (("id", False),), 100),
    )

    assert [[row.id for row in page.nodes] for page in pages] == [[first.id, second.id], [second.id], []]
