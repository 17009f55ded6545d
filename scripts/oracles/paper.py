"""What readers of PDF find in documents: reads one JSON object a line, {"name", "path", "xml", "pages"}, and writes one a
line, {"name", "faults": [...], "text", "codes": [...], "pages", "outside": [...]}: the text as poppler extracts it, what zxing reads on
its pictures, and words that leave their page or stand on each other.

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
from lxml import etree
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


def outside(path):
    """Words that leave their page, or stand on each other."""
    boxes = subprocess.run(["pdftotext", "-bbox", path, "-"], capture_output=True, check=True).stdout
    for page in etree.fromstring(boxes, etree.XMLParser(recover=True)).iter("{*}page"):
        width, height = float(page.get("width")), float(page.get("height"))
        words = [(*(float(word.get(key)) for key in ("xMin", "yMin", "xMax", "yMax")), word.text) for word in page.iter("{*}word")]
        for left, top, right, bottom, text in words:
            if left < 0 or top < 0 or right > width or bottom > height:
                yield text
        for place, one in enumerate(words):
            for other in words[place + 1 :]:
                across = min(one[2], other[2]) - max(one[0], other[0])
                down = min(one[3], other[3]) - max(one[1], other[1])
                # Lines stand close: their boxes touch, but not by half a line.
                if across > 1 and down > 0.5 * min(one[3] - one[1], other[3] - other[1]):
                    yield f"{one[4]} on {other[4]}"


for line in sys.stdin:
    given = json.loads(line)
    text = subprocess.run(["pdftotext", "-layout", given["path"], "-"], capture_output=True, check=True).stdout.decode()
    found = list(faults(given))
    answer = {"name": given["name"], "faults": found, "text": text, "codes": list(codes(given["path"]))}
    print(json.dumps({**answer, "pages": given["pages"], "outside": list(outside(given["path"]))}), flush=True)
