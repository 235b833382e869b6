"""Tokens: made, enabled, disabled, deleted."""

from datetime import datetime

import strawberry

from app import models
from app.access import Scope
from app.actions import tokens as actions
from app.context import Info
from app.graphql.connections import ConnectionOf, connection
from app.graphql.ids import maybe_row_id, row_id
from app.graphql.mutations import Payload, argument, changed, mutation
from app.schema.accounts import TokenFilter, TokenOrder


@strawberry.type
class Query:
    """Tokens."""

    tokens = connection(
        "Token",
        "Your tokens; for staff, those of the tenant.",
        ConnectionOf(models.Token, filters=TokenFilter, orders=TokenOrder),
    )


@strawberry.input(description="A new token.")
class CreateTokenInput:
    """For createToken."""

    comment: str = argument("What it is for, at most 100 characters.", "")
    expire_at: datetime | None = argument("From when on it is refused; null: never.", None)
    scopes: list[Scope] | None = argument("What it may be used for, at most; null: all that yours may.", None)
    user: strawberry.ID | None = argument("Whom it stands for; null: you. For staff.", None)


@strawberry.type(description="What createToken and createActivationToken answer.")
class CreateTokenPayload(Payload):
    """A token and its key."""

    token: models.Token | None = changed("Token", "The new token.")
    key: str | None = strawberry.field(
        default=None, description="Its secret, 64 hex characters, shown this once."
    )


@strawberry.input(description="How long an activation token lasts.")
class CreateActivationTokenInput:
    """For createActivationToken."""

    minutes: int = argument("Minutes until it expires, at most a day.", 15)


@strawberry.input(description="Which token.")
class TokenInput:
    """For mutations of one token."""

    id: strawberry.ID = argument("The token.")


@strawberry.type(description="What mutations of one token answer.")
class TokenPayload(Payload):
    """A token."""

    token: models.Token | None = changed("Token", "The token as it is now.")


@strawberry.type(description="What deleteToken answers.")
class DeleteTokenPayload(Payload):
    """The id of what is gone."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the token that is gone."
    )


@strawberry.type
class Mutation:
    """What can be done with tokens."""

    @mutation(
        CreateTokenPayload, "Make a token for yourself, or as staff for another user. Emits token.created."
    )
    @staticmethod
    async def create_token(info: Info, input: CreateTokenInput) -> CreateTokenPayload:
        token = await actions.create_token(
            info.context.viewer,
            comment=input.comment,
            expire_at=input.expire_at,
            scopes=input.scopes,
            user_id=maybe_row_id(input.user, models.User, ("input", "user")),
        )
        return CreateTokenPayload(token=token, key=token.key)

    @mutation(
        CreateTokenPayload,
        "Make a token with which one worker may register, already enabled. For staff. Emits token.created.",
    )
    @staticmethod
    async def create_activation_token(info: Info, input: CreateActivationTokenInput) -> CreateTokenPayload:
        token = await actions.create_activation_token(info.context.viewer, minutes=input.minutes)
        return CreateTokenPayload(token=token, key=token.key)

    @mutation(TokenPayload, "Accept a token from now on. Its owner or staff. Emits token.enabled.")
    @staticmethod
    async def enable_token(info: Info, input: TokenInput) -> TokenPayload:
        return TokenPayload(
            token=await actions.set_token_enabled(info.context.viewer, row_id(input.id, models.Token), True)
        )

    @mutation(
        TokenPayload,
        "Refuse a token from now on; its connections are closed. Its owner or staff. Emits token.disabled.",
    )
    @staticmethod
    async def disable_token(info: Info, input: TokenInput) -> TokenPayload:
        return TokenPayload(
            token=await actions.set_token_enabled(info.context.viewer, row_id(input.id, models.Token), False)
        )

    @mutation(DeleteTokenPayload, "Remove a token for good. Its owner or staff. Emits token.deleted.")
    @staticmethod
    async def delete_token(info: Info, input: TokenInput) -> DeleteTokenPayload:
        await actions.delete_token(info.context.viewer, row_id(input.id, models.Token))
        return DeleteTokenPayload(deleted_id=input.id)
