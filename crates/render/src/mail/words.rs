//! What mails say, in the languages of their readers. `{}` stands for what is filled in.

use crate::words::Words;

/// The sentences of one language.
pub(super) struct MailWords {
    language: &'static str,
    /// A name.
    pub greeting: &'static str,
    /// A kind of document, its number, the seller.
    pub subject: &'static str,
    /// A number, the seller.
    pub reminder_subject: &'static str,
    /// The seller.
    pub notice_subject: &'static str,
    /// A number, an amount, a day.
    pub invoice: &'static str,
    /// A number, an amount.
    pub settled: &'static str,
    /// A number, an amount.
    pub credit_note: &'static str,
    /// A number, an amount, a day.
    pub deposit: &'static str,
    /// A number, a day, an amount.
    pub reminder: &'static str,
    pub notice: &'static str,
    pub notice_service: &'static str,
    pub notice_old: &'static str,
    pub notice_new: &'static str,
    pub notice_from: &'static str,
    /// How many services are not listed.
    pub notice_more: &'static str,
    pub with_tax: &'static str,
    pub without_tax: &'static str,
    pub notice_closing: &'static str,
    pub closing: &'static str,
}

impl MailWords {
    /// In the language of these words.
    pub fn of(words: &Words) -> &'static Self {
        ALL.into_iter().find(|known| known.language == words.language).unwrap_or(&ENGLISH)
    }
}

static ALL: [&MailWords; 9] = [&ENGLISH, &SWEDISH, &GERMAN, &DANISH, &NORWEGIAN, &FINNISH, &DUTCH, &FRENCH, &POLISH];

static ENGLISH: MailWords = MailWords {
    language: "en",
    greeting: "Hello {},",
    subject: "{} {} from {}",
    reminder_subject: "Reminder: invoice {} from {}",
    notice_subject: "Your prices at {} change",
    invoice: "Your invoice {} over {} is attached. Please pay it by {}.",
    settled: "Your invoice {} over {} is attached. It is paid already: there is nothing for you to do.",
    credit_note: "Your credit note {} over {} is attached.",
    deposit: "Your payment request {} over {} is attached. What you pay by {} is added to your credit with us.",
    reminder: "Invoice {} was due on {}, and {} of it is not paid yet. Please pay it now. If your payment is on its way, you \
        need not do anything.",
    notice: "We change the prices of the services below. For each of them the new price holds from the day that is named.",
    notice_service: "Service",
    notice_old: "Price so far",
    notice_new: "New price",
    notice_from: "From",
    notice_more: "And {} more services.",
    with_tax: "Prices include VAT.",
    without_tax: "Prices do not include VAT.",
    notice_closing: "If you do not want to go on at the new price, you can cancel a service before that day. If you have \
        questions, answer this mail.",
    closing: "If you have questions, answer this mail.",
};

static SWEDISH: MailWords = MailWords {
    language: "sv",
    greeting: "Hej {},",
    subject: "{} {} från {}",
    reminder_subject: "Påminnelse: faktura {} från {}",
    notice_subject: "Dina priser hos {} ändras",
    invoice: "Här kommer din faktura {} på {}. Betala den senast {}.",
    settled: "Här kommer din faktura {} på {}. Den är redan betald, så du behöver inte göra något.",
    credit_note: "Här kommer din kreditfaktura {} på {}.",
    deposit: "Här kommer din betalningsbegäran {} på {}. Det du betalar senast {} läggs till ditt tillgodohavande hos oss.",
    reminder: "Faktura {} förföll den {} och {} är fortfarande obetalt. Betala den nu. Är betalningen redan på väg behöver du \
        inte göra något.",
    notice: "Vi ändrar priserna för tjänsterna nedan. För var och en gäller det nya priset från och med den dag som anges.",
    notice_service: "Tjänst",
    notice_old: "Pris hittills",
    notice_new: "Nytt pris",
    notice_from: "Från och med",
    notice_more: "Och {} tjänster till.",
    with_tax: "Priserna är inklusive moms.",
    without_tax: "Priserna är exklusive moms.",
    notice_closing: "Vill du inte fortsätta till det nya priset kan du säga upp en tjänst före den dagen. Har du frågor är det \
        bara att svara på det här mejlet.",
    closing: "Har du frågor är det bara att svara på det här mejlet.",
};

static GERMAN: MailWords = MailWords {
    language: "de",
    greeting: "Guten Tag {},",
    subject: "{} {} von {}",
    reminder_subject: "Erinnerung: Rechnung {} von {}",
    notice_subject: "Ihre Preise bei {} ändern sich",
    invoice: "anbei erhalten Sie Ihre Rechnung {} über {}. Bitte zahlen Sie sie bis zum {}.",
    settled: "anbei erhalten Sie Ihre Rechnung {} über {}. Sie ist bereits bezahlt, Sie müssen nichts weiter tun.",
    credit_note: "anbei erhalten Sie Ihre Gutschrift {} über {}.",
    deposit: "anbei erhalten Sie Ihre Zahlungsaufforderung {} über {}. Was Sie bis zum {} zahlen, wird Ihrem Guthaben bei uns \
        gutgeschrieben.",
    reminder: "die Rechnung {} war am {} fällig, davon sind {} noch offen. Bitte zahlen Sie jetzt. Falls Ihre Zahlung schon \
        unterwegs ist, müssen Sie nichts weiter tun.",
    notice: "wir ändern die Preise der folgenden Dienste. Für jeden gilt der neue Preis ab dem genannten Tag.",
    notice_service: "Dienst",
    notice_old: "Bisheriger Preis",
    notice_new: "Neuer Preis",
    notice_from: "Ab",
    notice_more: "Und {} weitere Dienste.",
    with_tax: "Die Preise enthalten die Umsatzsteuer.",
    without_tax: "Die Preise verstehen sich ohne Umsatzsteuer.",
    notice_closing: "Wenn Sie zum neuen Preis nicht weitermachen möchten, können Sie einen Dienst vor diesem Tag kündigen. Bei \
        Fragen antworten Sie einfach auf diese E-Mail.",
    closing: "Bei Fragen antworten Sie einfach auf diese E-Mail.",
};

static DANISH: MailWords = MailWords {
    language: "da",
    greeting: "Hej {},",
    subject: "{} {} fra {}",
    reminder_subject: "Påmindelse: faktura {} fra {}",
    notice_subject: "Dine priser hos {} ændres",
    invoice: "Vedhæftet er din faktura {} på {}. Betal den senest {}.",
    settled: "Vedhæftet er din faktura {} på {}. Den er allerede betalt, så du skal ikke gøre noget.",
    credit_note: "Vedhæftet er din kreditnota {} på {}.",
    deposit: "Vedhæftet er din betalingsanmodning {} på {}. Det, du betaler senest {}, lægges til dit tilgodehavende hos os.",
    reminder: "Faktura {} forfaldt {}, og {} er endnu ikke betalt. Betal den nu. Er betalingen allerede på vej, skal du ikke \
        gøre noget.",
    notice: "Vi ændrer priserne på tjenesterne nedenfor. For hver af dem gælder den nye pris fra den dag, der er nævnt.",
    notice_service: "Tjeneste",
    notice_old: "Pris hidtil",
    notice_new: "Ny pris",
    notice_from: "Fra",
    notice_more: "Og {} tjenester mere.",
    with_tax: "Priserne er inklusive moms.",
    without_tax: "Priserne er eksklusive moms.",
    notice_closing: "Vil du ikke fortsætte til den nye pris, kan du opsige en tjeneste før den dag. Har du spørgsmål, så svar \
        på denne mail.",
    closing: "Har du spørgsmål, så svar på denne mail.",
};

static NORWEGIAN: MailWords = MailWords {
    language: "nb",
    greeting: "Hei {},",
    subject: "{} {} fra {}",
    reminder_subject: "Påminnelse: faktura {} fra {}",
    notice_subject: "Prisene dine hos {} endres",
    invoice: "Vedlagt er faktura {} på {}. Betal den senest {}.",
    settled: "Vedlagt er faktura {} på {}. Den er allerede betalt, så du trenger ikke gjøre noe.",
    credit_note: "Vedlagt er kreditnota {} på {}.",
    deposit: "Vedlagt er betalingsforespørsel {} på {}. Det du betaler senest {}, legges til tilgodehavendet ditt hos oss.",
    reminder: "Faktura {} forfalt {}, og {} er ikke betalt ennå. Betal den nå. Er betalingen allerede på vei, trenger du ikke \
        gjøre noe.",
    notice: "Vi endrer prisene på tjenestene nedenfor. For hver av dem gjelder den nye prisen fra dagen som er oppgitt.",
    notice_service: "Tjeneste",
    notice_old: "Pris hittil",
    notice_new: "Ny pris",
    notice_from: "Fra",
    notice_more: "Og {} tjenester til.",
    with_tax: "Prisene er inkludert mva.",
    without_tax: "Prisene er uten mva.",
    notice_closing: "Vil du ikke fortsette til den nye prisen, kan du si opp en tjeneste før den dagen. Har du spørsmål, er det \
        bare å svare på denne e-posten.",
    closing: "Har du spørsmål, er det bare å svare på denne e-posten.",
};

static FINNISH: MailWords = MailWords {
    language: "fi",
    greeting: "Hei {},",
    subject: "{} {}, {}",
    reminder_subject: "Muistutus: lasku {}, {}",
    notice_subject: "Hintasi muuttuvat: {}",
    invoice: "Liitteenä on laskusi {}, yhteensä {}. Maksathan sen viimeistään {}.",
    settled: "Liitteenä on laskusi {}, yhteensä {}. Se on jo maksettu, joten sinun ei tarvitse tehdä mitään.",
    credit_note: "Liitteenä on hyvityslaskusi {}, yhteensä {}.",
    deposit: "Liitteenä on maksupyyntösi {}, yhteensä {}. Viimeistään {} maksamasi summa lisätään saldoosi meillä.",
    reminder: "Laskun {} eräpäivä oli {}, ja siitä on maksamatta {}. Maksathan sen nyt. Jos maksusi on jo matkalla, sinun ei \
        tarvitse tehdä mitään.",
    notice: "Muutamme alla olevien palvelujen hintoja. Kunkin palvelun uusi hinta on voimassa mainitusta päivästä alkaen.",
    notice_service: "Palvelu",
    notice_old: "Hinta tähän asti",
    notice_new: "Uusi hinta",
    notice_from: "Alkaen",
    notice_more: "Ja {} muuta palvelua.",
    with_tax: "Hinnat sisältävät arvonlisäveron.",
    without_tax: "Hinnat eivät sisällä arvonlisäveroa.",
    notice_closing: "Jos et halua jatkaa uudella hinnalla, voit irtisanoa palvelun ennen tuota päivää. Jos sinulla on kysyttävää, \
        vastaa tähän viestiin.",
    closing: "Jos sinulla on kysyttävää, vastaa tähän viestiin.",
};

static DUTCH: MailWords = MailWords {
    language: "nl",
    greeting: "Hallo {},",
    subject: "{} {} van {}",
    reminder_subject: "Herinnering: factuur {} van {}",
    notice_subject: "Uw prijzen bij {} veranderen",
    invoice: "In de bijlage vindt u uw factuur {} van {}. Wilt u deze uiterlijk {} betalen?",
    settled: "In de bijlage vindt u uw factuur {} van {}. Deze is al betaald; u hoeft niets te doen.",
    credit_note: "In de bijlage vindt u uw creditnota {} van {}.",
    deposit: "In de bijlage vindt u uw betaalverzoek {} van {}. Wat u uiterlijk {} betaalt, komt bij uw tegoed bij ons.",
    reminder: "Factuur {} moest op {} betaald zijn, en {} staat nog open. Wilt u nu betalen? Als uw betaling al onderweg is, \
        hoeft u niets te doen.",
    notice: "Wij veranderen de prijzen van de onderstaande diensten. Voor elke dienst geldt de nieuwe prijs vanaf de genoemde dag.",
    notice_service: "Dienst",
    notice_old: "Prijs tot nu toe",
    notice_new: "Nieuwe prijs",
    notice_from: "Vanaf",
    notice_more: "En nog {} diensten.",
    with_tax: "Prijzen zijn inclusief btw.",
    without_tax: "Prijzen zijn exclusief btw.",
    notice_closing: "Wilt u voor de nieuwe prijs niet verder, dan kunt u een dienst vóór die dag opzeggen. Hebt u vragen, \
        beantwoord dan deze e-mail.",
    closing: "Hebt u vragen, beantwoord dan deze e-mail.",
};

static FRENCH: MailWords = MailWords {
    language: "fr",
    greeting: "Bonjour {},",
    subject: "{} {} de {}",
    reminder_subject: "Rappel : facture {} de {}",
    notice_subject: "Vos prix chez {} changent",
    invoice: "Vous trouverez ci-joint votre facture {} d’un montant de {}. Merci de la régler au plus tard le {}.",
    settled: "Vous trouverez ci-joint votre facture {} d’un montant de {}. Elle est déjà payée : vous n’avez rien à faire.",
    credit_note: "Vous trouverez ci-joint votre avoir {} d’un montant de {}.",
    deposit: "Vous trouverez ci-joint votre demande de paiement {} d’un montant de {}. Ce que vous payez au plus tard le {} sera \
        ajouté à votre crédit chez nous.",
    reminder: "La facture {} était à régler le {} et il reste {} à payer. Merci de régler ce montant maintenant. Si votre \
        paiement est déjà en route, vous n’avez rien à faire.",
    notice: "Nous changeons les prix des services ci-dessous. Pour chacun, le nouveau prix s’applique à partir du jour indiqué.",
    notice_service: "Service",
    notice_old: "Prix actuel",
    notice_new: "Nouveau prix",
    notice_from: "À partir du",
    notice_more: "Et {} autres services.",
    with_tax: "Les prix s’entendent TTC.",
    without_tax: "Les prix s’entendent hors TVA.",
    notice_closing: "Si vous ne souhaitez pas continuer au nouveau prix, vous pouvez résilier un service avant ce jour. Pour toute \
        question, répondez à ce message.",
    closing: "Pour toute question, répondez à ce message.",
};

static POLISH: MailWords = MailWords {
    language: "pl",
    greeting: "Dzień dobry, {},",
    subject: "{} {} od {}",
    reminder_subject: "Przypomnienie: faktura {} od {}",
    notice_subject: "Zmieniają się ceny w {}",
    invoice: "W załączniku przesyłamy fakturę {} na kwotę {}. Prosimy o zapłatę do {}.",
    settled: "W załączniku przesyłamy fakturę {} na kwotę {}. Jest już opłacona, nie trzeba nic robić.",
    credit_note: "W załączniku przesyłamy fakturę korygującą {} na kwotę {}.",
    deposit: "W załączniku przesyłamy wezwanie do zapłaty {} na kwotę {}. To, co zostanie wpłacone do {}, powiększy saldo u nas.",
    reminder: "Termin płatności faktury {} minął {}, a {} pozostaje do zapłaty. Prosimy o zapłatę teraz. Jeśli przelew jest już \
        w drodze, nie trzeba nic robić.",
    notice: "Zmieniamy ceny poniższych usług. Dla każdej z nich nowa cena obowiązuje od podanego dnia.",
    notice_service: "Usługa",
    notice_old: "Dotychczasowa cena",
    notice_new: "Nowa cena",
    notice_from: "Od",
    notice_more: "I jeszcze usług: {}.",
    with_tax: "Ceny zawierają VAT.",
    without_tax: "Ceny nie zawierają VAT.",
    notice_closing: "Kto nie chce kontynuować po nowej cenie, może wypowiedzieć usługę przed tym dniem. W razie pytań prosimy \
        odpowiedzieć na tę wiadomość.",
    closing: "W razie pytań prosimy odpowiedzieć na tę wiadomość.",
};
