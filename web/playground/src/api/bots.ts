import { randomId } from '../state/random-id.ts';
import { callApi } from './call-api.ts';
import type { Credentials } from './credentials.ts';

/** A bot, as far as the page shows it. */
export interface Bot {
  id: string;
  name: string;
  greeting?: string | null;
  published_version?: number | null;
}

/** The bots of the signed-in person's tenant, newest first. */
export async function listBots(credentials: Credentials): Promise<Bot[]> {
  return (await credentials.call<{ data: Bot[] }>((bearer) => callApi('GET', '/v1/bots?limit=100', { bearer }))).data;
}

/** Creates a bot; its first version is published at once. */
export function createBot(credentials: Credentials, draft: { name: string; instructions: string; greeting?: string }): Promise<Bot> {
  const idempotencyKey = randomId();
  return credentials.call((bearer) => callApi('POST', '/v1/bots', { bearer, body: draft, idempotencyKey }));
}
