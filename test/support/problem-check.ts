/** An answer as far as the error body is concerned. */
export interface CheckedAnswer {
  status: number;
  contentType: string | null;
  requestId: string | null;
  body: unknown;
}

const members = new Set([
  ...['type', 'title', 'status', 'detail', 'instance', 'code', 'request_id', 'retry_after', 'limit', 'resets_at', 'errors', 'error'],
]);
const texts = ['type', 'title', 'detail', 'instance', 'code', 'request_id'];

/** What no error may show: stack frames, SQL, files, the inside of libraries. */
const inside =
  /\bat \S+ \(|\.[cm]?[jt]s:\d|node_modules|\/src\/|\bSELECT\b.*\bFROM\b|INSERT INTO|syntax error|relation "|violates|pg_catalog|ECONN|SyntaxError|TypeError|FST_ERR|Unexpected token/;

/** What is wrong with an error answer, by the one error body that every error has. */
export function problemFaults({ status, contentType, requestId, body }: CheckedAnswer, instance?: string): string[] {
  if (!/^application\/problem\+json(;|$)/.test(contentType ?? ''))
    return [`content type ${contentType ?? '(none)'} instead of problem+json`];
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return ['the body is no object'];
  const problem = body as Record<string, unknown>;
  const faults: string[] = [];
  for (const name of Object.keys(problem)) if (!members.has(name)) faults.push(`unknown member ${name}`);
  for (const name of texts) if (typeof problem[name] !== 'string' || problem[name] === '') faults.push(`no ${name}`);
  if (problem['status'] !== status) faults.push(`status ${String(problem['status'])} in the body, ${status} in the answer`);
  if (problem['request_id'] !== requestId) faults.push('request_id is not the header X-Request-Id');
  if (instance !== undefined && problem['instance'] !== instance) faults.push(`instance ${String(problem['instance'])}`);
  const inner = problem['error'] as Record<string, unknown> | undefined;
  if (inner?.['message'] !== problem['detail'] || inner?.['code'] !== problem['code']) faults.push('error does not repeat detail and code');
  if (typeof inner?.['type'] !== 'string' || !(inner['param'] === null || typeof inner['param'] === 'string'))
    faults.push('error has no type or param');
  const text = JSON.stringify({ ...problem, instance: '' });
  if (inside.test(text)) faults.push(`shows the inside: ${text.slice(0, 300)}`);
  return faults;
}

/** An error body without what may differ between two that say the same. */
export function comparable(body: unknown): string {
  if (typeof body !== 'object' || body === null) return JSON.stringify(body);
  return JSON.stringify({ ...body, request_id: '', instance: '' });
}
