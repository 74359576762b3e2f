import { ApiProblem, toProblem } from './problem.ts';

/** One call of the REST API. Throws ApiProblem for a refusal and TypeError when the network fails. */
export async function callApi<T>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  options: { bearer?: string; body?: unknown; idempotencyKey?: string; cookies?: boolean } = {},
): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.bearer !== undefined) headers['authorization'] = `Bearer ${options.bearer}`;
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (options.idempotencyKey !== undefined) headers['idempotency-key'] = options.idempotencyKey;
  const response = await fetch(path, {
    method,
    headers,
    // A cookie binds a single sign-on to its browser; nothing else needs one.
    credentials: options.cookies === true ? 'same-origin' : 'omit',
    cache: 'no-store',
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const problem = toProblem(await response.json().catch(() => undefined));
  throw new ApiProblem(
    { detail: `The server answered with status ${response.status}.`, ...problem, status: response.status },
    retryAfterMs(response),
  );
}

function retryAfterMs(response: Response): number | undefined {
  if (response.status !== 429 && response.status < 500) return undefined;
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.min(60_000, seconds * 1000) : 0;
}
