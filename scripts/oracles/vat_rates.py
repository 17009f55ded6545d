"""The standard VAT rates that the package eu-vat-rates-data has: a line `CC YYYY-MM-DD rate` (in per cent) for each
country, with the day the package was made from the European Commission's database.

crates/billing/tests/vat_rates.rs reads them.
"""

from eu_vat_rates_data import data_version, get_all_rates

for country, rate in sorted(get_all_rates().items()):
    print(country, data_version, f"{rate['standard']:g}")
