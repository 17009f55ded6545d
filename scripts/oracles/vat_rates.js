// The standard VAT rates that the package sales-tax has, since 2020: a line `CC YYYY-MM-DD rate` (in per cent) for each
// 1st and 15th of a month and each country that is named.
//
//   node vat_rates.js LAST-DAY CC...
//
// crates/billing/tests/vat_rates.rs reads them.
"use strict";

const SalesTax = require("sales-tax");

// Nothing here asks the network whether a VAT number exists.
SalesTax.toggleEnabledTaxNumberValidation(false);
SalesTax.toggleEnabledTaxNumberFraudCheck(false);
// Without a seller's country, each country's own rate is the answer.
SalesTax.setTaxOriginCountry(null);

// The package takes the current time through this function, for its own tests. A day is asked about at its noon in
// Greenwich, because the switches of the package miss midnight by an hour or two.
let now;
SalesTax.__getCurrentDate = () => now;

async function main([lastDay, ...countries]) {
  const last = new Date(`${lastDay}T12:00:00Z`);
  for (const country of countries) {
    for (let month = 0; ; month++) {
      const days = [1, 15].map((day) => new Date(Date.UTC(2020, month, day, 12))).filter((day) => day <= last);
      for (now of days) {
        const { rate } = await SalesTax.getSalesTax(country);
        // Digits enough for any rate, and few enough to hide that 0.077 × 100 is not quite 7.7.
        console.log(country, now.toISOString().slice(0, 10), Number((rate * 100).toFixed(7)));
      }
      if (days.length < 2) break;
    }
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
