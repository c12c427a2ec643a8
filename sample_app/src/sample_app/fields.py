"""Types that the bodies of several subjects share: bounded, and such as PostgreSQL can store.

The limits are in the OpenAPI too, so that a client learns them before it is refused.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_PAGE = 100
MAX_ID = 2**63 - 1
"""What a column of numbers holds."""

_T = TypeVar("_T")


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain NUL")  # PostgreSQL's text cannot hold it
    return text


def _no_text(number: object) -> object:
    if isinstance(number, (str, bool)):  # "5" and true would pass for numbers, which the OpenAPI denies
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic's word for a refusal
    return number


_STORABLE = (AfterValidator(_storable), Field(json_schema_extra={"pattern": r"^[^\u0000]*$"}))

Name = Annotated[str, Field(min_length=1, max_length=200), *_STORABLE]
Note = Annotated[str, Field(max_length=200), *_STORABLE]
ExternalId = Annotated[str, Field(min_length=1, max_length=128), *_STORABLE]
SearchTerm = Annotated[str, Field(min_length=1, max_length=100), *_STORABLE]
NO_TEXT = BeforeValidator(_no_text)
"""For whole numbers; after the limits, which it would hide from the OpenAPI."""


class Strict(BaseModel):
    """A request's body or query: what it does not know it refuses, so that a misspelt field is noticed."""

    model_config = ConfigDict(extra="forbid")


class PageQuery(Strict):
    """How much of a list, and from where; each list adds its cursor."""

    limit: int = Field(
        default=20, ge=1, le=MAX_PAGE, description="How many to return at most.", examples=[20]
    )


class NumberedQuery(PageQuery):
    """How much of a list of numbered rows, and from where."""

    cursor: int | None = Field(
        default=None, ge=1, le=MAX_ID, description="`next_cursor` of the page before.", examples=[10001]
    )


class Page(BaseModel, Generic[_T]):
    """Some of a list, and how to go on."""

    items: list[_T]
    next_cursor: str | None = Field(
        description="Pass it as `cursor` to read on; null at the end.", examples=["10001"]
    )


def page_of(found: Sequence[_T], limit: int, *, cursor: Callable[[_T], object]) -> Page[_T]:
    """Return a page of a list of which one more than the page holds was read, to know whether it goes on."""
    items = list(found[:limit])
    return Page(items=items, next_cursor=str(cursor(items[-1])) if len(found) > limit else None)
