"""Recomputes invoices with Python's decimal: reads one JSON object a line, says what is wrong, and how many it has read."""

import json
import sys
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

WAYS = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}


def problems(invoice):
    unit = Decimal(1).scaleb(-invoice["digits"])

    def rounded(amount):
        return amount.quantize(unit, rounding=WAYS[invoice["rounding"]])

    groups = {}
    for line in invoice["lines"]:
        price, quantity = Decimal(line["unitPrice"]), Decimal(line["quantity"])
        if line["part"]:
            whole, days, of = line["part"]
            if rounded(Decimal(whole) * days / of) != price:
                yield f"{line['description']}: {days}/{of} of {whole} is not {price}"
        net = rounded(price * quantity) - Decimal(line["allowance"] or 0)
        if net != Decimal(line["net"]):
            yield f"{line['description']}: {quantity} x {price} is {net}, not {line['net']}"
        key = (line["country"], line["category"], line["rate"])
        groups.setdefault(key, []).append(net)
    told = {(g["country"], g["category"], g["rate"]): g for g in invoice["groups"]}
    if set(told) != set(groups):
        yield f"groups {sorted(told)} are not those of the lines {sorted(groups)}"
        return
    tax = Decimal(0)
    for key, nets in groups.items():
        rate = Decimal(key[2]) / 100
        if invoice["taxRounding"] == "line":
            of_group = sum((rounded(net * rate) for net in nets), Decimal(0))
        else:
            of_group = rounded(sum(nets, Decimal(0)) * rate)
        tax += of_group
        if (sum(nets, Decimal(0)), of_group) != (Decimal(told[key]["base"]), Decimal(told[key]["tax"])):
            yield f"{key}: {sum(nets)} and {of_group}, not {told[key]}"
        if key[1] != "S" and rate != 0:
            yield f"{key} has a rate"
    net = sum((n for nets in groups.values() for n in nets), Decimal(0))
    total = net + tax + Decimal(invoice["roundingAmount"])
    if (net, tax, total) != (Decimal(invoice["net"]), Decimal(invoice["tax"]), Decimal(invoice["total"])):
        yield f"{net} + {tax} = {total}, not {invoice['net']} + {invoice['tax']} = {invoice['total']}"


count = 0
for text in sys.stdin:
    invoice = json.loads(text)
    count += 1
    for problem in problems(invoice):
        print(f"{invoice['number']}: {problem}")
print(f"{count} invoices")
