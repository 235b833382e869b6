"""Users and teams, signing in and out, and what administrators did."""

from datetime import datetime

import strawberry

from app import models
from app.access import Viewer
from app.actions import accounts as actions
from app.actions.sign_in import sign_in as sign_in_with_password
from app.context import Info
from app.errors import Invalid
from app.graphql.connections import ConnectionOf, connection
from app.graphql.ids import row_id, row_ids
from app.graphql.mutations import Payload, argument, changed, mutation
from app.graphql.roots import Apart, planned, told
from app.schema.accounts import LogEntryFilter, UserFilter, UserOrder
from app.schema.accounts import Viewer as ViewerType

MAX_PASSWORD = 1000


@strawberry.type(
    description="How much you may still ask for: each operation costs as many points as objects that it may read."
)
class RateLimit:
    """Shows what the caller's bucket holds."""

    limit: int = strawberry.field(description="Points in a full bucket.")
    remaining: int = strawberry.field(description="Points left.")
    reset_at: datetime = strawberry.field(
        description="When the bucket is full again, if nothing more is asked for."
    )


@strawberry.type
class Query:
    """Who there is."""

    @strawberry.field(
        description="How much you may still ask for; `extensions.cost` of an answer tells what it cost."
    )
    @staticmethod
    @planned(Apart("it tells what the server has in memory of the caller's budget"))
    def rate_limit(info: Info) -> RateLimit | None:
        state = info.context.rate_limit()
        if not state:
            return None
        return RateLimit(
            limit=state["limit"],
            remaining=state["remaining"],
            reset_at=datetime.fromisoformat(state["resetAt"]),
        )

    @told("Who you are to this server, and what you may do.", ViewerType)
    async def viewer(viewer: Viewer) -> Viewer:
        return viewer

    users = connection(
        "User",
        "The users of your tenant, by number unless ordered otherwise.",
        ConnectionOf(models.User, filters=UserFilter, orders=UserOrder),
    )
    teams = connection("Team", "The teams of your tenant.", ConnectionOf(models.Team))
    groups = connection("Group", "The groups of your tenant.", ConnectionOf(models.Group))
    permissions = connection(
        "Permission", "All permissions that can be given by name.", ConnectionOf(models.Permission)
    )
    log_entries = connection(
        "LogEntry",
        "What administrators did, the latest first. For staff.",
        ConnectionOf(models.LogEntry, filters=LogEntryFilter, default_order=(("action_time", True),)),
    )


@strawberry.input(description="Name and password.")
class SignInInput:
    """For signIn."""

    username: str = argument("User name.")
    password: str = argument("Password.")


@strawberry.type(description="What signIn answers.")
class SignInPayload(Payload):
    """A new session."""

    token: models.Token | None = changed(
        "Token", "The session's token: good for two weeks, or until signOut."
    )
    key: str | None = strawberry.field(
        default=None, description="The token's secret, shown this once: send it as `Authorization: Bearer`."
    )
    viewer: Viewer | None = strawberry.field(
        default=None, description="Who you are with it.", graphql_type=ViewerType | None
    )


@strawberry.type(description="What signOut answers.")
class SignOutPayload(Payload):
    """Nothing but errors."""

    signed_out: bool | None = strawberry.field(
        default=None, description="True when there was a session, which is gone now."
    )


@strawberry.input(description="A new user.")
class CreateUserInput:
    """For createUser."""

    username: str = argument("The name to sign in with, unique.")
    password: str | None = argument(
        "The password, at least 8 characters; null: cannot sign in with a password.", None
    )
    email: str = argument("E-mail address.", "")
    first_name: str = argument("Given name.", "")
    last_name: str = argument("Family name.", "")
    is_staff: bool = argument("Administers workers, tokens and users.", False)
    is_superuser: bool = argument("May do everything in the tenant.", False)


@strawberry.input(description="Changes to a user. What is left out stays as it is.")
class UpdateUserInput:
    """For updateUser."""

    id: strawberry.ID = argument("The user.")
    if_version: int | None = argument("Refuse unless the user still has this version.", None)
    password: str | None = argument("New password.", None)
    email: str | None = argument("New e-mail address.", None)
    first_name: str | None = argument("New given name.", None)
    last_name: str | None = argument("New family name.", None)
    is_active: bool | None = argument("False: every token of the user is refused from now on.", None)
    is_staff: bool | None = argument("Administers workers, tokens and users.", None)
    is_superuser: bool | None = argument("May do everything in the tenant.", None)


@strawberry.type(description="What mutations of users answer.")
class UserPayload(Payload):
    """A user."""

    user: models.User | None = changed("User", "The user as it is now.")


@strawberry.input(description="A team and all its members.")
class SetTeamInput:
    """For setTeam."""

    name: str = argument("The team's name; it is made if there is none.")
    members: list[strawberry.ID] = argument("All its members, instead of those it has.")


@strawberry.type(description="What setTeam answers.")
class TeamPayload(Payload):
    """A team."""

    team: models.Team | None = changed("Team", "The team as it is now.")


@strawberry.input(description="A permission to give or to take back.")
class GrantPermissionInput:
    """For grantPermission."""

    user: strawberry.ID = argument("The user.")
    permission: str = argument("The permission's codename, such as administer_workers.")
    granted: bool = argument("False: take it back.", True)


@strawberry.type
class Mutation:
    """Signing in, and administering users."""

    @mutation(
        SignInPayload,
        "Start a session with name and password. A wrong name and a wrong password are told alike.",
    )
    @staticmethod
    async def sign_in(info: Info, input: SignInInput) -> SignInPayload:
        token, viewer = await sign_in_with_password(input.username, input.password, info.context.address)
        info.context.viewer = viewer
        return SignInPayload(token=token, key=token.key, viewer=viewer)

    @mutation(SignOutPayload, "End the session that you came with.")
    @staticmethod
    async def sign_out(info: Info) -> SignOutPayload:
        return SignOutPayload(signed_out=await actions.end_session(info.context.viewer))

    @mutation(UserPayload, "Make a user. For staff; only a superuser makes staff. Emits user.created.")
    @staticmethod
    async def create_user(info: Info, input: CreateUserInput) -> UserPayload:
        user = await actions.create_user(
            info.context.viewer,
            username=input.username,
            password_hash=await _hash(info, input.password),
            email=input.email,
            first_name=input.first_name,
            last_name=input.last_name,
            is_staff=input.is_staff,
            is_superuser=input.is_superuser,
        )
        return UserPayload(user=user)

    @mutation(UserPayload, "Change a user: oneself, or by staff another. Emits user.changed.")
    @staticmethod
    async def update_user(info: Info, input: UpdateUserInput) -> UserPayload:
        names = ("email", "first_name", "last_name", "is_active", "is_staff", "is_superuser")
        changes: dict[str, object] = {
            name: getattr(input, name) for name in names if getattr(input, name) is not None
        }
        if input.password is not None:
            changes["password"] = await _hash(info, input.password)
        user = await actions.update_user(
            info.context.viewer, row_id(input.id, models.User), if_version=input.if_version, **changes
        )
        return UserPayload(user=user)

    @mutation(TeamPayload, "Make a team, or give it other members. For staff. Emits team.changed.")
    @staticmethod
    async def set_team(info: Info, input: SetTeamInput) -> TeamPayload:
        members = row_ids(list(input.members), models.User, ("input", "members"))
        return TeamPayload(team=await actions.set_team(info.context.viewer, input.name, members))

    @mutation(
        UserPayload, "Give a user a permission by name, or take it back. For superusers. Emits user.changed."
    )
    @staticmethod
    async def grant_permission(info: Info, input: GrantPermissionInput) -> UserPayload:
        user = row_id(input.user, models.User, ("input", "user"))
        return UserPayload(
            user=await actions.grant_permission(info.context.viewer, user, input.permission, input.granted)
        )


async def _hash(info: Info, password: str | None) -> str:
    if password is None:
        return ""
    if not actions.MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid.field(
            "password", f"A password has {actions.MIN_PASSWORD} to {MAX_PASSWORD} characters."
        )
    return await actions.hash_new_password(info.context.viewer, password)
