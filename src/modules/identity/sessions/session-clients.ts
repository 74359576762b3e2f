import { Injectable } from '@nestjs/common';
import Bowser from 'bowser';
import { z } from 'zod';
import { CannotDecrypt, defineSealedTable, KeyedHash, KeyRing, type Place, seal } from '../../../platform/crypto/index.ts';
import { requestContext } from '../../../platform/telemetry/index.ts';

const Client = z.object({ device: z.string(), address: z.string().nullable() });
/** Where a session was opened: the device in plain words, and the address. */
export type SessionClient = z.output<typeof Client>;

/** What a session stores of it: sealed under the member's own key, and a keyed hash to tell another device by. */
export interface StoredClient {
  client: Buffer;
  /** Null for a program that is no browser: nothing can be said of it. */
  deviceHash: Buffer | null;
}

/** Longest text of a client that is looked at. */
const maxUserAgent = 1_000;

/** Knows where sessions are opened and used: the request that runs tells. */
@Injectable()
export class SessionClients {
  constructor(
    private readonly keyRing: KeyRing,
    private readonly hash: KeyedHash,
  ) {}

  /** The client of the current request, to be stored with a session of a member. */
  async toStore(tenantId: string, userId: string, sessionId: string): Promise<StoredClient> {
    const { address, userAgent } = requestContext.getStore()?.client?.() ?? {};
    const device = deviceOf(userAgent);
    const key = await this.keyRing.visitorKey(tenantId, userId);
    const client: SessionClient = { device: device.name, address: address ?? null };
    return { client: seal(key, placeOf(tenantId, sessionId), JSON.stringify(client)), deviceHash: this.deviceHash(sessionId) };
  }

  /** The device of the current request, as a session compares it; null for what is no browser. */
  deviceHash(sessionId: string): Buffer | null {
    const { name, browser } = deviceOf(requestContext.getStore()?.client?.().userAgent);
    return browser ? this.hash.of('session-device', sessionId, name).subarray(0, 16) : null;
  }

  /** Undefined where nothing is known, or it no longer opens. */
  async open(tenantId: string, sessionId: string, stored: Buffer | null): Promise<SessionClient | undefined> {
    if (stored === null) return undefined;
    try {
      return Client.parse(JSON.parse((await this.keyRing.open(placeOf(tenantId, sessionId), stored)).toString()));
    } catch (error) {
      if (!(error instanceof CannotDecrypt)) throw error;
      return undefined;
    }
  }
}

defineSealedTable({ table: 'sessions', columns: ['client'] });

function placeOf(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'sessions', column: 'client', rowId };
}

/** A device in plain words (`Firefox on Linux`), without versions: those change under a session that stays where it is. */
export function deviceOf(userAgent: string | undefined): { name: string; browser: boolean } {
  if (userAgent === undefined || userAgent.trim() === '') return { name: 'Unknown', browser: false };
  const text = userAgent.slice(0, maxUserAgent);
  const { browser, os } = Bowser.parse(text);
  if (browser.name !== undefined && browser.name !== '' && os.name !== undefined)
    return { name: `${browser.name} on ${os.name}`, browser: true };
  return { name: /^[\w.-]{1,40}/.exec(text)?.[0] ?? 'Unknown', browser: false };
}
