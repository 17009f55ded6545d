"""What readers of PDF find in documents: reads one JSON object a line, {"name", "path", "xml", "pages"}, and writes one a
line, {"name", "faults": [...], "text", "codes": [...]}: the text as poppler extracts it, and what zxing reads on its pictures.

qpdf checks the file; pikepdf looks at what PDF/A-3b and Factur-X want: an output intent, XMP metadata with the part and the
level, embedded fonts, a structure tree with a language, one associated file; factur-x takes the XML out.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import facturx
import pikepdf
import zxingcpp
from PIL import Image

FX = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"


def fonts(pdf):
    for thing in pdf.objects:
        if isinstance(thing, pikepdf.Dictionary) and thing.get("/Type") == "/FontDescriptor":
            yield str(thing.get("/FontName")), any(key in thing for key in ("/FontFile", "/FontFile2", "/FontFile3"))


def faults(given):
    path = given["path"]
    check = subprocess.run(["qpdf", "--check", path], capture_output=True, text=True)
    if check.returncode != 0:
        yield f"qpdf: {check.stdout} {check.stderr}"
    with pikepdf.open(path) as pdf:
        root = pdf.Root
        if len(pdf.pages) != given["pages"]:
            yield f"{len(pdf.pages)} pages, not {given['pages']}"
        if root.get("/OutputIntents", [{}])[0].get("/S") != "/GTS_PDFA1":
            yield "no output intent"
        if not root.get("/MarkInfo", {}).get("/Marked") or "/StructTreeRoot" not in root or "/Lang" not in root:
            yield "not tagged"
        for name, is_embedded in fonts(pdf):
            if not is_embedded:
                yield f"{name} is not embedded"
        with pdf.open_metadata() as metadata:
            if (metadata.get("pdfaid:part"), metadata.get("pdfaid:conformance")) != ("3", "B"):
                yield "not declared as PDF/A-3b"
            for name, value in [
                ("DocumentFileName", "factur-x.xml"),
                ("DocumentType", "INVOICE"),
                ("Version", "1.0"),
                ("ConformanceLevel", "EN 16931"),
            ]:
                if metadata.get(f"{{{FX}}}{name}") != value:
                    yield f"fx:{name} is {metadata.get(f'{{{FX}}}{name}')}"
        files = list(root.get("/AF", []))
        if len(files) != 1 or files[0].get("/AFRelationship") != "/Alternative":
            yield "not one associated file"
    name, text = facturx.get_xml_from_pdf(pathlib.Path(path).read_bytes(), check_xsd=True)
    if name != "factur-x.xml" or text != given["xml"].encode():
        yield "the XML is not what was put in"


def codes(path):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["pdftoppm", "-r", "200", "-png", path, f"{folder}/page"], check=True)
        for page in sorted(pathlib.Path(folder).iterdir()):
            for code in zxingcpp.read_barcodes(Image.open(page)):
                yield code.text


for line in sys.stdin:
    given = json.loads(line)
    text = subprocess.run(["pdftotext", "-layout", given["path"], "-"], capture_output=True, check=True).stdout.decode()
    found = list(faults(given))
    print(json.dumps({"name": given["name"], "faults": found, "text": text, "codes": list(codes(given["path"]))}), flush=True)
