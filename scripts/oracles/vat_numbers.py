"""What python-stdnum thinks of VAT numbers: reads one a line, writes `valid` or `invalid` a line.

crates/billing/tests/vat_numbers.rs compares every answer with Perennial's own rules. Needs `pip install python-stdnum==2.2`.
"""

import sys

import stdnum
import stdnum.ch.vat
import stdnum.eu.vat
import stdnum.exceptions
import stdnum.gb.vat
import stdnum.gr.vat
import stdnum.is_.vsk
import stdnum.no.mva

# Where the module is not that of the first two letters.
MODULES = {
    "CH": stdnum.ch.vat,
    "EL": stdnum.gr.vat,
    "GB": stdnum.gb.vat,
    "IS": stdnum.is_.vsk,
    "NO": stdnum.no.mva,
    "XI": stdnum.eu.vat,
}


def is_valid(number):
    prefix = number[:2]
    module = MODULES.get(prefix) or stdnum.get_cc_module(prefix.lower(), "vat")
    if module is None:
        raise SystemExit(f"python-stdnum knows no VAT numbers that begin with {prefix}")
    try:
        module.validate(number)
    except stdnum.exceptions.ValidationError:
        return False
    return True


for line in sys.stdin:
    print("valid" if is_valid(line.rstrip("\n")) else "invalid")
