import { callApi } from './call-api.ts';
import { type Credentials, isUnauthenticated, SignedOut } from './credentials.ts';
import { ApiProblem } from './problem.ts';

/** What `/playground.json` gives when the operator has set up a demo. */
export interface Demo {
  publishable_key: string;
  bot_id: string;
  bot_name?: string;
  greeting?: string | null;
}

/** The configured demo; `undefined` when there is none. */
export async function findDemo(): Promise<Demo | undefined> {
  try {
    return await callApi<Demo>('GET', '/playground.json');
  } catch (error) {
    if (error instanceof ApiProblem && error.problem.status === 404) return undefined;
    throw error;
  }
}

/** An anonymous visitor's way in. */
export function demoCredentials(demo: Demo): Credentials {
  return {
    kind: 'demo',
    owner: 'visitor',
    async call(run) {
      try {
        return await run(demo.publishable_key);
      } catch (error) {
        throw isUnauthenticated(error) ? new SignedOut() : error;
      }
    },
    renew: () => Promise.resolve(),
  };
}
