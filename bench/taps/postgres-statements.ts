import type { Listener } from './tap.ts';

/** What a connection to Postgres is told. */
export interface PostgresEvents {
  /** A statement is run; `application` is the connection's `application_name`. */
  statement: (sql: string, application: string) => void;
  /** The client waits for an answer. */
  trip: (application: string) => void;
}

const startupCode = 196_608;

/**
 * Reads what a client sends to Postgres (protocol 3.0, in clear): statements by Execute and Query, trips by Sync and Query.
 * https://www.postgresql.org/docs/18/protocol-message-formats.html
 */
export function postgresStatements(events: PostgresEvents): Listener {
  let rest: Buffer = Buffer.alloc(0);
  let application: string | undefined;
  const prepared = new Map<string, string>();
  const portals = new Map<string, string>();
  const message = (type: string, body: Buffer, app: string): void => {
    const [first = '', second = ''] = strings(body, 2);
    if (type === 'P') prepared.set(first, second);
    else if (type === 'B') portals.set(first, prepared.get(second) ?? '');
    else if (type === 'E') events.statement(portals.get(first) ?? '', app);
    else if (type === 'Q') events.statement(first, app);
    if (type === 'S' || type === 'Q') events.trip(app);
  };
  return {
    sent: (bytes) => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      for (;;) {
        // The first message has no type.
        const head = application === undefined ? 0 : 1;
        if (rest.length < head + 4) return;
        const length = head + rest.readUInt32BE(head);
        if (rest.length < length) return;
        const body = rest.subarray(head + 4, length);
        if (application === undefined) application = applicationOf(body);
        else message(String.fromCharCode(rest[0] ?? 0), body, application);
        rest = rest.subarray(length);
      }
    },
  };
}

function applicationOf(startup: Buffer): string {
  if (startup.readUInt32BE(0) !== startupCode) throw new Error('a Postgres client began with something else than protocol 3.0');
  const words = strings(startup.subarray(4), Number.POSITIVE_INFINITY);
  return words[words.indexOf('application_name') + 1] ?? '';
}

/** The zero-ended strings that a message begins with, `most` of them. */
function strings(bytes: Buffer, most: number): string[] {
  const found: string[] = [];
  for (let at = 0; found.length < most;) {
    const end = bytes.indexOf(0, at);
    if (end === -1) break;
    found.push(bytes.toString('utf8', at, end));
    at = end + 1;
  }
  return found;
}
