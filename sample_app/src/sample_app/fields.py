"""Types that the bodies of several subjects share: bounded, and such as PostgreSQL can store.

The limits are in the OpenAPI too, so that a client learns them before it is refused.
"""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_PAGE = 100
_T = TypeVar("_T")


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain NUL")  # PostgreSQL's text cannot hold it
    return text


_STORABLE = (AfterValidator(_storable), Field(json_schema_extra={"pattern": r"^[^\u0000]*$"}))

Name = Annotated[str, Field(min_length=1, max_length=200), *_STORABLE]
Note = Annotated[str, Field(max_length=200), *_STORABLE]
ExternalId = Annotated[str, Field(min_length=1, max_length=128), *_STORABLE]
SearchTerm = Annotated[str, Field(min_length=1, max_length=100), *_STORABLE]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many to return at most.", examples=[20])]


class Body(BaseModel):
    """A request's body: what it does not know it refuses, so that a misspelt field is noticed."""

    model_config = ConfigDict(extra="forbid")


class Page(BaseModel, Generic[_T]):
    """Some of a list, and how to go on."""

    items: list[_T]
    next_cursor: str | None = Field(
        description="Pass it as `cursor` to read on; null at the end.", examples=["10001"]
    )
