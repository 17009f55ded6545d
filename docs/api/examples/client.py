#!/usr/bin/env python3
"""Goes through the API as an integrator would: from a list of services to a credit note.

    pip install requests
    client.py http://127.0.0.1:8080 pn_...

Renews the first service that can be renewed, and credits the invoice again, so that nothing is left of it.
"""

import sys
import uuid

import requests


class Perennial:
    """A client that tells errors by their code, and names every change so that a repeat of it is safe."""

    def __init__(self, base, key):
        self.base = base.rstrip("/")
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {key}"

    def call(self, method, path, body=None, **options):
        headers = {}
        if method in ("POST", "PATCH"):
            # The same name for every try of the same intention: whatever gets lost on the way, it is done once.
            headers["Idempotency-Key"] = str(uuid.uuid4())
        for attempt in range(3):
            try:
                answer = self.session.request(
                    method, self.base + path, json=body, headers=headers, timeout=30, **options
                )
            except requests.ConnectionError:
                if attempt == 2:
                    raise
                continue
            if answer.status_code not in (429, 503):
                break
        if not answer.ok:
            problem = answer.json()
            raise Problem(problem["code"], problem["detail"])
        return answer

    def get(self, path, **parameters):
        return self.call("GET", path, params=parameters)

    def post(self, path, body=None):
        return self.call("POST", path, body).json()

    def pages(self, path, **parameters):
        """Every row of a list, page by page."""
        while True:
            page = self.get(path, **parameters).json()
            yield from page["data"]
            if page["nextCursor"] is None:
                return
            parameters["cursor"] = page["nextCursor"]


class Problem(Exception):
    def __init__(self, code, detail):
        super().__init__(f"{code}: {detail}")
        self.code = code


def main(base, key):
    perennial = Perennial(base, key)

    renewal = None
    for service in perennial.pages("/api/v2/services", status="active", limit=50):
        if service["openInvoice"] or service["billedThrough"] is None:
            continue
        try:
            renewal = perennial.post(f"/api/v2/services/{service['id']}/actions/renew")
            break
        except Problem as problem:
            # It is too far ahead, or its price is not to be had: the next one may do.
            if problem.code not in ("conflict", "price_unavailable"):
                raise
    if renewal is None:
        sys.exit("no service can be renewed")
    invoice = renewal["invoice"]
    print(f"renewed {service['id']} {service['label']}: invoice {renewal['invoiceNumber']} ({invoice})")

    # Once more: the invoice is open, so the answer says which one is in the way.
    try:
        perennial.post(f"/api/v2/services/{service['id']}/actions/renew")
        sys.exit("it was renewed twice")
    except Problem as problem:
        assert problem.code == "existing_invoice_blocking", problem

    queued = perennial.post(f"/api/v2/invoices/{invoice}/actions/mail")
    print(f"mailed again to {queued['email']}")

    detail = perennial.get(f"/api/v2/invoices/{invoice}").json()
    print(f"{detail['total']} {detail['currency']}, due on {detail['dueOn']}, {detail['standing']}")
    for line in detail["lines"]:
        print(f"  {line['description']}: {line['net']}")

    pdf = perennial.get(f"/api/v2/invoices/{invoice}/pdf").content
    assert pdf.startswith(b"%PDF-"), pdf[:20]
    print(f"its PDF has {len(pdf)} bytes")

    # For a customer without a key: an address at which the invoice is seen and paid.
    link = perennial.post(f"/api/v2/invoices/{invoice}/payment-link")
    print(f"payment link: {link['paymentUrl']}, until {link['expiresAt']}")
    shown = requests.get(link["paymentUrl"], timeout=30)
    assert shown.ok and detail["number"] in shown.text, shown
    assert perennial.get(f"/api/v2/invoices/{invoice}/payment-link").json()["viewCount"] == 1

    noted = perennial.post(f"/api/v2/invoices/{invoice}/actions/credit", {"reason": "Renewed by mistake"})
    assert noted["invoice"]["standing"] == "credited", noted
    assert requests.get(link["paymentUrl"], timeout=30).status_code == 410, "there is nothing to pay any more"
    print(f"credited by {noted['creditNoteNumber']}: {noted['total']} {noted['currency']}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
