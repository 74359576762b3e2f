import { type ConfigValues, defineTopic, entry, setting } from '../../platform/config/index.ts';

/** How people sign in, how long credentials live, and how often somebody may try. */
export const identityConfig = defineTopic('identity', 'Sign-in and credentials', {
  accessTokenSeconds: entry('AUTH_ACCESS_TOKEN_SECONDS', setting.int(60, 3_600).default(900), 'Life of an access token, in seconds.'),
  sessionDays: entry(
    'AUTH_SESSION_DAYS',
    setting.int(1, 365).default(30),
    'Life of a session, in days, however often it is refreshed; then the password is asked again.',
  ),
  sessionIdleDays: entry(
    'AUTH_SESSION_IDLE_DAYS',
    setting.int(1, 365).default(14),
    'How long a session may lie unused, in days; then the password is asked again.',
  ),
  refreshGraceSeconds: entry(
    'AUTH_REFRESH_GRACE_SECONDS',
    setting.int(0, 60).default(10),
    'How long a used refresh token still works, in seconds, for a client that lost the answer. Later use revokes the session.',
  ),
  visitorTokenDays: entry('AUTH_VISITOR_TOKEN_DAYS', setting.int(1, 730).default(180), 'Life of a visitor token, in days.'),
  ticketSeconds: entry('AUTH_TICKET_SECONDS', setting.int(5, 300).default(30), 'How long a chat ticket can be redeemed, in seconds.'),
  passwordHashesAtOnce: entry(
    'AUTH_PASSWORD_HASHES_AT_ONCE',
    setting.int(1, 64).default(3),
    'Password hashes computed at the same time, each with 19 MiB of memory and a thread of the pool (4 unless UV_THREADPOOL_SIZE says more).',
  ),
  passwordHashQueue: entry(
    'AUTH_PASSWORD_HASH_QUEUE',
    setting.int(0, 1_000).default(32),
    'Password hashes that may wait for their turn; beyond that sign-in answers 503.',
  ),
  signInPerAccountPerMinute: entry(
    'AUTH_SIGN_IN_PER_ACCOUNT_PER_MINUTE',
    setting.int(1, 1_000_000).default(10),
    'Sign-in attempts per e-mail and minute, whether it exists or not.',
  ),
  signInPerAddressPerMinute: entry(
    'AUTH_SIGN_IN_PER_ADDRESS_PER_MINUTE',
    setting.int(1, 1_000_000).default(30),
    'Sign-in attempts per address (IPv6: per /64) and minute.',
  ),
  signUpPerEmailPerHour: entry('AUTH_SIGN_UP_PER_EMAIL_PER_HOUR', setting.int(1, 1_000_000).default(5), 'Sign-ups per e-mail and hour.'),
  signUpPerAddressPerHour: entry(
    'AUTH_SIGN_UP_PER_ADDRESS_PER_HOUR',
    setting.int(1, 1_000_000).default(20),
    'Sign-ups per address (IPv6: per /64) and hour.',
  ),
  mailsPerAddressPerHour: entry(
    'AUTH_MAILS_PER_ADDRESS_PER_HOUR',
    setting.int(1, 1_000_000).default(20),
    'Mails to reset a password or to prove a mailbox that an address (IPv6: per /64) may ask for in an hour.',
  ),
  mailsPerAccountPerHour: entry(
    'AUTH_MAILS_PER_ACCOUNT_PER_HOUR',
    setting.int(1, 1_000_000).default(5),
    'The same per e-mail, whether it exists or not.',
  ),
  ssoReturnPaths: entry(
    'AUTH_SSO_RETURN_PATHS',
    setting.list().default(['/']),
    'Paths of this service to which a single sign-on may return the browser, comma separated; the first where none is asked for.',
  ),
  ssoAllowPrivateUrls: entry(
    'AUTH_SSO_ALLOW_PRIVATE_URLS',
    setting.bool().default(false),
    'Whether identity providers may have private, loopback and link-local addresses, and be http: for one inside your own network.',
  ),
  dnsServers: entry(
    'AUTH_DNS_SERVERS',
    setting.list().default([]),
    "Name servers that are asked whether a domain is a tenant's (address, or address:port), comma separated. Empty: those of the system.",
  ),
  ticketsPerAddressPerMinute: entry(
    'AUTH_TICKETS_PER_ADDRESS_PER_MINUTE',
    setting.int(1, 1_000_000).default(60),
    'Chat tickets per address (IPv6: per /64) and minute.',
  ),
  ticketsPerKeyPerMinute: entry(
    'AUTH_TICKETS_PER_KEY_PER_MINUTE',
    setting.int(1, 10_000_000).default(600),
    'Chat tickets per API key or session and minute.',
  ),
  oauthPerAddressPerMinute: entry(
    'AUTH_OAUTH_PER_ADDRESS_PER_MINUTE',
    setting.int(1, 10_000_000).default(300),
    'Requests to the OAuth endpoints per address (IPv6: per /64) and minute.',
  ),
  oauthPerClientPerMinute: entry(
    'AUTH_OAUTH_PER_CLIENT_PER_MINUTE',
    setting.int(1, 10_000_000).default(60),
    'The same per OAuth client that has proven itself. A token is for many requests.',
  ),
});

/** Values of the sign-in topic. */
export type IdentityConfig = ConfigValues<typeof identityConfig>;
