import { nameRecognizers } from './names/name-recognizers.ts';
import type { Recognizer } from './recognizer.ts';
import { creditCard, uncheckedCard } from './patterns/credit-card.ts';
import { crypto } from './patterns/crypto.ts';
import { documentNumbers } from './patterns/documents.ts';
import { email } from './patterns/email.ts';
import { iban, uncheckedIban } from './patterns/iban.ts';
import { ipAddress } from './patterns/ip-address.ts';
import { letteredIds } from './patterns/lettered-ids.ts';
import { macAddress } from './patterns/mac-address.ts';
import { nationalIds } from './patterns/national-ids.ts';
import { phone } from './patterns/phone.ts';
import { secrets } from './patterns/secrets.ts';
import { url } from './patterns/url.ts';

/** What has a form of its own: letters and digits tell it, without knowledge of names. */
export const patternRecognizers: readonly Recognizer[] = [
  email,
  phone,
  creditCard,
  uncheckedCard,
  iban,
  uncheckedIban,
  ipAddress,
  macAddress,
  url,
  crypto,
  secrets,
  ...nationalIds,
  ...letteredIds,
  ...documentNumbers,
];

/** Every recognizer that is built in. */
export const builtInRecognizers: readonly Recognizer[] = [...patternRecognizers, ...nameRecognizers];
