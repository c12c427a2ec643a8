"""The API's description can be trusted: every field has an example that fits, every refusal is a problem detail."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from unit.sample_app.doubles import App

Json = dict[str, Any]


@pytest.fixture
def openapi(app: App) -> Json:
    return dict(app.client.get("/openapi.json").json())


def operations(openapi: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def ours(openapi: Json) -> Iterator[tuple[str, Json]]:
    return ((name, operation) for name, operation in operations(openapi) if "/api/v1" in name)


def test_every_route_of_the_product_needs_a_key(openapi: Json) -> None:
    assert [
        name for name, operation in ours(openapi) if operation.get("security") != [{"HTTPBearer": []}]
    ] == []


def test_every_route_is_described(openapi: Json) -> None:
    assert [name for name, operation in operations(openapi) if not operation.get("description")] == []


def test_every_route_is_in_the_reference(openapi: Json) -> None:
    reference = (Path(__file__).parents[3] / "docs" / "reference" / "services.md").read_text(encoding="utf-8")

    assert [name for name, _ in ours(openapi) if name.replace("/api/v1", "") not in reference] == []


def test_every_refusal_is_a_problem_detail_with_an_example(openapi: Json) -> None:
    problem = Draft202012Validator({**openapi["components"]["schemas"]["Problem"], **_defs(openapi)})
    for name, operation in ours(openapi):
        refusals = {code: said for code, said in operation["responses"].items() if code >= "400"}
        assert {"401", "403", "422", "503"} <= refusals.keys(), name
        for code, said in refusals.items():
            assert list(said["content"]) == ["application/problem+json"], (name, code)
            example = said["content"]["application/problem+json"]["example"]
            assert list(problem.iter_errors(example)) == []
            assert example["status"] == int(code)


def test_what_takes_a_body_may_refuse_a_large_one(openapi: Json) -> None:
    assert [
        name
        for name, operation in ours(openapi)
        if "requestBody" in operation and "413" not in operation["responses"]
    ] == []


def test_every_parameter_has_a_description(openapi: Json) -> None:
    assert [
        (name, parameter["name"])
        for name, operation in ours(openapi)
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ] == []


def test_every_field_has_an_example_that_fits_its_schema(openapi: Json) -> None:
    """But fields that are schemas of their own, whose fields have examples."""
    faults = []
    for name, schema in openapi["components"]["schemas"].items():
        if name in {"Problem", "FieldError"}:  # each refusal has a whole one
            continue
        for field, described in schema["properties"].items():
            if "$ref" in str(described):
                continue
            examples = described.get("examples", [])
            validator = Draft202012Validator({**described, **_defs(openapi)})
            misfits = [example for example in examples if not validator.is_valid(example)]
            if (not examples and "default" not in described and field != "attributes") or misfits:
                faults.append((name, field, misfits))
    assert faults == []


def test_lists_have_a_longest_page(openapi: Json) -> None:
    for name, operation in ours(openapi):
        answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if "Page_" not in str(answer):
            continue
        [limit] = [one for one in operation["parameters"] if one["name"] == "limit"]
        assert (limit["schema"]["minimum"], limit["schema"]["maximum"]) == (1, 100), name


def test_every_field_of_a_body_is_bounded(openapi: Json) -> None:
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for _, operation in ours(openapi)
        if "requestBody" in operation
    ]
    named = {name for body in bodies for name in re.findall(r"#/components/schemas/(\w+)", str(body))}
    unbounded = [
        (name, field)
        for name in named
        for field, described in openapi["components"]["schemas"][name]["properties"].items()
        for kind in described.get("anyOf", [described])
        if (kind.get("type") == "string" and not kind.keys() & {"maxLength", "enum", "format", "const"})
        or (kind.get("type") == "array" and "maxItems" not in kind)
        or (kind.get("type") in {"integer", "number"} and not kind.keys() >= {"minimum", "maximum"})
    ]
    assert named
    assert unbounded == []


def _defs(openapi: Json) -> Json:
    return {"components": openapi["components"]}
