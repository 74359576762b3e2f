import { expect, test } from 'vitest';
import { Analyzer } from '../analyzer.ts';
import type { EntityKind } from '../entity-kinds.ts';

const analyzer = new Analyzer();

/** Texts in which «…» marks what has to be found of a kind; without marks nothing of it may be found. */
const rows: [EntityKind, string][] = [
  ['PERSON', 'My name is «John Smith» and I live in Berlin.'],
  ['PERSON', "Dear Ms. «Johnson», «Mary O'Brien»'s appointment is with Dr. «Ahmed Al-Rashid»."],
  ['PERSON', 'hi, this is «priya sharma», can you help?'],
  ['PERSON', '«Svetlana Ivanova», «Lars Øberg» and «Kwame Mensah» met in Tokyo.'],
  ['PERSON', 'A customer named «Tom-Oliver Heidel» from Zürich complained about Herr «Schmidt».'],
  ['PERSON', 'Ich heiße «Jürgen Müller». Me llamo «María García López». Mi chiamo «Giuseppe Rossi».'],
  ['PERSON', "Je m'appelle «Camille Dubois»."],
  ['PERSON', 'Your driver «Carlos» will arrive at 5pm. Ask for «Stephanie».'],
  ['PERSON', 'as promised, i will call «michael brown» tomorrow'],
  ['PERSON', 'My name is «Margaret Thatcher», and «Emma Potter» called.'],
  ['PERSON', 'hey «helen», did «Thandeka» say when «claire killingsworth» arrives? Regards,\n«Ngaire»'],
  ['PERSON', '«Oyelaran, Folake»: absent; letters of «A. Castiglioncello» for Mr «Quisenberry»'],
  ['PERSON', "TERMS AND CONDITIONS APPLY. Read the Release Notes of the Customer Portal, I'd say. Ignore the Wi-Fi."],
  ['PERSON', 'Will you mark the order in May? The bill is due. I hope Grace period applies.'],
  ['PERSON', 'Order 1234: Red Running Shoes, size 42. Visit Our Store. Thank You!'],
  ['PERSON', 'The River Street office of Smith Group in New York is open on Monday.'],
  ['LOCATION', 'I flew from «New York» to «Los Angeles», then lived in «Germany» and «Port Jessica».'],
  ['LOCATION', 'Ich wohne in «München», sie in «Zürich».'],
  ['LOCATION', 'We drove from «Ribe» to «Skagen», then lived in «Llanwrda».'],
  ['LOCATION', 'She lives in «Newton Pollich», near «Hills-upon-Ernser» and «Cerdañola del Vallés».'],
  ['LOCATION', 'i live in «leeds» and she grew up in «tucumcari»'],
  ['LOCATION', 'Have a nice day, and enjoy reading in the bath.'],
  ['STREET_ADDRESS', 'Please send it to «123 Main Street, Apt 4B, Springfield, IL 62704».'],
  ['STREET_ADDRESS', '«4857 Breezewood Court\nParsons, KS 67357»'],
  ['STREET_ADDRESS', 'Er wohnt in der «Hauptstraße 12, 10115 Berlin».'],
  ['STREET_ADDRESS', '«Flat 3, 19 Osborne Road, Brighton BN1 6LR» or «P.O. Box 12, Fargo, ND 58102»; we met in «Bayswater Road».'],
  ['STREET_ADDRESS', 'ship to «1204 n. maple street, bozeman, mt 59715» please'],
  ['STREET_ADDRESS', 'Kunde: «Am Alten Markt 7, 23966 Wismar» und «Obere Gasse 83\n95909 Dunkeld», am Montag 12 Uhr'],
  ['STREET_ADDRESS', '«1686 Old Mill Rd, Mikulov, NM 21615», «15 Rue Saint-Denis, Montréal, QC H2X 1K3», «12 Smith St, Fitzroy VIC 3065»'],
  [
    'STREET_ADDRESS',
    'Address: «Poblado Lola Vergara 93»; I live at «ul. Szczepanik 76», wohne «Am Kreispark 84a», habite «14 Voie des Rosiers»',
  ],
  [
    'STREET_ADDRESS',
    'Am Montag 12 Uhr, im Jahr 2020, in der Regel 3 Tage. It is 5 minutes down the road, a 2 way street, 300 meters from the lane.',
  ],
  ['STREET_ADDRESS', "J'habite «12 rue de la République, 75001 Paris»."],
  ['STREET_ADDRESS', 'Vivo en «Calle Mayor 5, 28013 Madrid», trabajo en «Via Roma 10, 00184 Roma».'],
  ['STREET_ADDRESS', 'We have 3 Great Options and 12 Months Free.'],
  ['ORGANIZATION', 'He works at «Acme Solutions Inc» and she at «Goldman Sachs».'],
  ['ORGANIZATION', 'An invoice of «Smith, Jones and Brown», paid by «Müller & Söhne» to «Contoso GmbH».'],
  [
    'ORGANIZATION',
    'Ask «Hotel Adlon», «SAINT LUKE HOSPITAL» or the «Silverpine Council», not the Returns Department. Rome, Oslo and Bern.',
  ],
  ['ORGANIZATION', 'Paid by «Abshire - Jones» - thanks'],
  ['ORGANIZATION', 'The bank is closed, and so is the school.'],
  ['NRP', 'She is a «French» «Catholic».'],
  ['DATE_TIME', 'Due on «March 5, 2024» or «2024-03-05T10:30:00Z», «12. Mai 2023», le «3 janvier 2020», at «10:30 am».'],
  ['DATE_TIME', "«4-Jan-2021», «Sunday, 3rd of March», «lundi 4 mars», «14.30 Uhr», since «June», «5 o'clock», «March 3-5, 2024»"],
  ['DATE_TIME', 'version 1.2.3 of 10/12, ratio 3:1, you may go'],
  ['DATE_OF_BIRTH', 'DOB: «1945-08-12»; geboren am «12.05.1987»; due 2024-01-01'],
];

for (const [kind, row] of rows) {
  test(`${kind}: ${row.slice(0, 60).replaceAll('\n', ' ')}`, () => {
    const text = row.replaceAll(/[«»]/g, '');
    const wanted = [...row.matchAll(/«([^»]*)»/g)].map(([, inside]) => inside);
    expect(
      analyzer
        .analyze(text)
        .filter((span) => span.kind === kind)
        .map(({ start, end }) => text.slice(start, end)),
    ).toEqual(wanted);
  });
}
