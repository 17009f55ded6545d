"""What python-stdnum and norwegian-numbers think of payment references and accounts: reads `kind number` a line, writes
`valid` or `invalid` a line.

crates/billing/tests/references.rs compares every answer with Perennial's own rules.
"""

import sys

import norwegian_numbers
import stdnum.bic
import stdnum.iban
import stdnum.iso11649
import stdnum.luhn

JUDGES = {
    "rf": stdnum.iso11649.is_valid,
    "luhn": stdnum.luhn.is_valid,
    "kid": lambda number: norwegian_numbers.verify_kid_number(number, "mod10"),
    "kid-mod11": lambda number: norwegian_numbers.verify_kid_number(number, "mod11"),
    "iban": stdnum.iban.is_valid,
    "bic": stdnum.bic.is_valid,
}

for line in sys.stdin:
    kind, number = line.split()
    print("valid" if JUDGES[kind](number) else "invalid")
