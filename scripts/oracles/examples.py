"""Whether every example of an OpenAPI 3.1 document fits the schema beside it: reads the document, writes a line for each that does
not, and how many there were.

crates/web/tests/contract/examples.rs asks it about the document that the server gives out. `jsonschema_rs` comes with schemathesis.
"""

import json
import sys

import jsonschema_rs

METHODS = {"get", "post", "put", "patch", "delete"}
document = json.load(sys.stdin)
looked_at = 0


def check(place, holder):
    """What has a schema and perhaps an example beside it."""
    global looked_at
    if "example" not in holder:
        return
    looked_at += 1
    # References in the schema lead into the document.
    schema = {**holder["schema"], "components": document["components"]}
    for error in jsonschema_rs.Draft202012Validator(schema, validate_formats=True).iter_errors(holder["example"]):
        print(f"{place} at {'/'.join(map(str, error.instance_path))}: {error.message}")


for path, methods in document["paths"].items():
    for method, operation in methods.items():
        if method not in METHODS:
            continue
        name = operation["operationId"]
        for parameter in operation.get("parameters", []):
            check(f"{name}: {parameter['name']}", parameter)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            check(f"{name}: body", content)
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                check(f"{name}: {status}", content)
print(looked_at)
